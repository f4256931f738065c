"""Keeping what is started on one processor, where the system can (Linux)."""

from __future__ import annotations

import os
from collections.abc import Generator, Mapping
from contextlib import contextmanager


@contextmanager
def on_core(number: int | None) -> Generator[None]:
    """Processes started within, and all that they start, stay on this processor. None: anywhere."""
    if number is None or not hasattr(os, "sched_setaffinity"):
        yield
        return
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {sorted(before)[number]})
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


def threads(count: int) -> Mapping[str, str]:
    """The environment in which a process multiplies with so many threads."""
    return {"OPENBLAS_NUM_THREADS": str(count), "OMP_NUM_THREADS": str(count)}


THREADS_BY_DEFAULT: Mapping[str, str] = {"OPENBLAS_NUM_THREADS": "", "OMP_NUM_THREADS": ""}
"""The environment in which each side chooses for itself."""
