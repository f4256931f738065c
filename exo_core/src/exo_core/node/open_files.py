"""How many files, sockets among them, this process may have open: a default is too few for many clients."""

from __future__ import annotations

import contextlib
import sys

WANTED = 65536
MACOS_MOST = 10240
"""OPEN_MAX: macOS takes no more, though its hard limit says there is none."""


def allow_many_open_files() -> None:
    """Raise the limit of this process, and of runners that it starts, as far as it may."""
    if sys.platform == "win32":
        return
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
