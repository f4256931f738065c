"""A meeting place for exo nodes of which none can be reached by address."""
