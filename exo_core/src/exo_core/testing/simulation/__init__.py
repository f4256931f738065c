"""Whole clusters on a virtual clock: the modules that the driver runs, under faults that all follow from one seed.

`VirtualCluster` is for tests that stage one situation; `simulate` lets a storm rage and checks the promises of the log
at every step. `python -m exo_core.testing.simulation` runs thousands of seeds, and replays one.
"""
