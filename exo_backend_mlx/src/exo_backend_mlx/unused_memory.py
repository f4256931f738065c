"""How memory that nothing uses goes back to the system: mlx and the C library both keep what was freed."""

from __future__ import annotations

import ctypes
import sys
from collections.abc import Callable
from functools import cache
from typing import cast

import mlx.core as mx
import psutil

_LEAST = 64 * 1024 * 1024
_SHARE = 400


def bound_buffer_cache() -> None:
    """Let mlx keep 64 MiB of freed buffers, or a four-hundredth of the machine's memory if that is more.

    By itself it keeps any amount on a GPU: each time a cache grows, the smaller one it grew from would stay.
    """
    mx.set_cache_limit(max(_LEAST, psutil.virtual_memory().total // _SHARE))


def give_back() -> None:
    """Give everything back now. Takes milliseconds, so it is for moments without work."""
    mx.clear_cache()
    trim = _malloc_trim()
    if trim is not None:
        trim(0)


@cache
def _malloc_trim() -> Callable[[int], int] | None:
    """glibc's; other systems' C libraries give memory back by themselves."""
    if not sys.platform.startswith("linux"):
        return None
    return cast("Callable[[int], int] | None", getattr(ctypes.CDLL(None), "malloc_trim", None))
