"""The source `tiny`: the model that comes with exo, so that a first run needs no download."""
