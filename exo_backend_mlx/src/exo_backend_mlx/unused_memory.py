"""How memory that nothing uses goes back to the system: mlx and the C library both keep what was freed."""

from __future__ import annotations

import ctypes
import sys
from collections.abc import Callable
from functools import cache
from typing import cast

import mlx.core as mx

from exo_backend_mlx.device_memory import buffers_to_keep
from exo_backend_mlx.mlx_device import device_kind, device_memory


def bound_kept_buffers(working_bytes: int | None = None) -> None:
    """Let mlx keep no more freed buffers than pays on this device; `working_bytes` is what a pass takes, if known."""
    mx.set_cache_limit(buffers_to_keep(device_memory(), working_bytes))


def after_a_long_pass() -> None:
    """Give back what a chunk of a prompt took, which single tokens do not need. A GPU keeps it for the next chunk."""
    if _computes_on_cpu():
        mx.clear_cache()


def give_back() -> None:
    """Give everything back now. Takes milliseconds, so it is for moments without work."""
    mx.clear_cache()
    trim = _malloc_trim()
    if trim is not None:
        trim(0)


@cache
def _computes_on_cpu() -> bool:
    return device_kind() == "cpu"


@cache
def _malloc_trim() -> Callable[[int], int] | None:
    """glibc's; other systems' C libraries give memory back by themselves."""
    if not sys.platform.startswith("linux"):
        return None
    return cast("Callable[[int], int] | None", getattr(ctypes.CDLL(None), "malloc_trim", None))
