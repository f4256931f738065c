"""How many threads should multiply matrices on a CPU?"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

_SET_BY_THE_PERSON = ("OPENBLAS_NUM_THREADS", "GOTO_NUM_THREADS", "OMP_NUM_THREADS")
_QUOTA = Path("/sys/fs/cgroup/cpu.max")


def default_blas_threads(environment: Mapping[str, str]) -> int | None:
    """Half of the processors this process may use, at least one; None where the person has said it (OpenBLAS obeys).

    OpenBLAS's threads wait for each other by spinning, so a single one that does not get a processor stops all: with as
    many threads as processors, on a machine that has other work too, a model was measured at a tenth of the speed of
    one thread. Half of the processors are also as many as a machine with two threads per core has cores.
    """
    if any(environment.get(name) for name in _SET_BY_THE_PERSON):
        return None
    return max(1, usable_processors() // 2)


def usable_processors() -> int:
    """Processors that this process may run on, a container's quota taken into account (control groups, version 2)."""
    affinity = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return min(affinity, processors_of_quota(_QUOTA.read_text() if _QUOTA.exists() else "") or affinity)


def processors_of_quota(text: str) -> int | None:
    """`200000 100000`: two processors; `max 100000` or nothing: no limit."""
    words = text.split()
    if len(words) != 2 or not all(word.isdecimal() for word in words):
        return None
    return max(1, int(words[0]) // max(1, int(words[1])))
