"""A third party's plugin for exo: machines that rest, and a front door in plain text."""
