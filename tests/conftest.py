"""For every test: drawn examples have no time limit of their own, since machines that run tests do other things too."""

from hypothesis import settings

settings.register_profile("exo", deadline=None)
settings.load_profile("exo")
