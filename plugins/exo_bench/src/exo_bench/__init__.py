"""How fast does a model answer? Measured from outside, over HTTP, as its users see it."""
