"""What this machine measures of itself: memory and load."""

from __future__ import annotations

import os
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass

import psutil

RESERVED_FRACTION = 0.1
RESERVED_BYTES = 1024**3
"""Left to the person: this much, or the fraction of all memory, whichever is larger."""


@dataclass(frozen=True, kw_only=True)
class MachineMeasure:
    """Bytes; `load` is the mean number of runnable processes over the last minute.

    `memory_for_models` is what exo may use for weights and KV in all, what its runners hold already included.
    """

    memory_total: int
    memory_free: int
    memory_for_models: int
    load: float


def measure_machine(*, device_memory: int | None, runner_pids: Iterable[int]) -> MachineMeasure:
    """Measure now. `device_memory` is the most that the backend's device gives to models; None: no limit of its own."""
    memory = psutil.virtual_memory()
    held = sum(resident_bytes(pid) for pid in runner_pids)
    spare = max(0, memory.available + held - max(RESERVED_BYTES, int(memory.total * RESERVED_FRACTION)))
    return MachineMeasure(
        memory_total=memory.total,
        memory_free=memory.available,
        memory_for_models=spare if device_memory is None else min(spare, device_memory),
        load=os.getloadavg()[0],
    )


def resident_bytes(pid: int) -> int:
    """Memory that a process holds; 0 for one that is gone, or not there yet."""
    with suppress(psutil.Error):
        return psutil.Process(pid).memory_info().rss if pid else 0
    return 0
