"""Streams that cross faults of real processes: recorded token by token, and compared with the undisturbed answer."""
