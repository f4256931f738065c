"""For tests of this package and of others: real model folders with random weights, and stages run by hand.

Nothing is imported here: a node imports the entry modules of plugins for tests, and no models.
"""
