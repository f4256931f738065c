"""How do parts of a model come to this disk, piece by piece, whoever sends them?"""
