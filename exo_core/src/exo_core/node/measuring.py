"""What this machine measures of itself: memory and load."""

from __future__ import annotations

import os
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass

import psutil

from exo_core.placement_rules.told_backends import DeviceMemory

RESERVED_FRACTION = 0.1
RESERVED_BYTES = 1024**3
"""Left to the person: this much, or the fraction of all memory, whichever is larger."""


@dataclass(frozen=True, kw_only=True)
class MachineMeasure:
    """Bytes; `load` is the mean number of runnable processes over the last minute.

    `memory_for_models` is what exo may use for weights and KV in all, what its runners hold already included;
    `memory_at_most` is the same with nothing left to the person: beyond it a load cannot end well.
    """

    memory_total: int
    memory_free: int
    memory_for_models: int
    memory_at_most: int
    load: float


def measure_machine(
    *, device_memory: DeviceMemory | None, runner_pids: Iterable[int], max_memory: int | None = None
) -> MachineMeasure:
    """Measure now.

    `device_memory` is the most that the backend's device gives to models, None where it has no limit of its own;
    `max_memory` the most that the person gives, None where they did not say. A person needs nothing of memory that is a
    device's own.
    """
    memory = psutil.virtual_memory()
    held = sum(resident_bytes(pid) for pid in runner_pids)
    limits = [limit for limit in (device_memory and device_memory.size, max_memory) if limit is not None]
    reachable = memory.available + held
    left_to_the_person = max(RESERVED_BYTES, int(memory.total * RESERVED_FRACTION))
    if device_memory is not None and device_memory.is_own:
        reachable, left_to_the_person = device_memory.size, 0
    return MachineMeasure(
        memory_total=memory.total,
        memory_free=memory.available,
        memory_for_models=max(0, min([reachable - left_to_the_person, *limits])),
        memory_at_most=min([reachable, *limits]),
        load=os.getloadavg()[0],
    )


def resident_bytes(pid: int) -> int:
    """Memory that a process holds; 0 for one that is gone, or not there yet."""
    with suppress(psutil.Error):
        return psutil.Process(pid).memory_info().rss if pid else 0
    return 0
