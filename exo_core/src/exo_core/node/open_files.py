"""How many files, sockets among them, this process may have open: a default is too few for many clients."""

from __future__ import annotations

import contextlib
import os
import sys

WANTED = 65536
ROOM = 4096
"""As many as there is room for from the beginning."""
MACOS_MOST = 10240
"""OPEN_MAX: macOS takes no more, though its hard limit says there is none."""


def allow_many_open_files() -> None:
    """Raise the limit of this process, and of runners that it starts, as far as it may. Before threads are started."""
    if sys.platform == "win32":
        return
    _raise_limit()
    _make_room(min(ROOM, open_descriptors()))


def _make_room(descriptors: int) -> None:
    """Have the kernel's table of them be that large now.

    It doubles whenever it is full. With several threads Linux stops the process for each time, by 10 to 40 ms: just
    while many clients come at once.
    """
    import fcntl

    with contextlib.suppress(OSError):
        descriptor = os.open(os.devnull, os.O_RDONLY)
        try:
            os.close(fcntl.fcntl(descriptor, fcntl.F_DUPFD_CLOEXEC, descriptors - 1))
        finally:
            os.close(descriptor)


def _raise_limit() -> None:
    import resource

    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = MACOS_MOST if sys.platform == "darwin" else WANTED
    most = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
    if soft != resource.RLIM_INFINITY and soft < most:
        with contextlib.suppress(ValueError, OSError):  # then it stays as it is
            resource.setrlimit(resource.RLIMIT_NOFILE, (most, hard))


def open_descriptors() -> int:
    """How many this process may have."""
    if sys.platform == "win32":
        return 8192  # what the C library allows
    import resource

    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return sys.maxsize if soft == resource.RLIM_INFINITY else soft
