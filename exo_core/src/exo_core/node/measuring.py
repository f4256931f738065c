"""What this machine measures of itself: memory and load."""

from __future__ import annotations

import os
from dataclasses import dataclass

import psutil

RESERVED_FRACTION = 0.1
RESERVED_BYTES = 1024**3
"""Left to the person: this much, or the fraction of all memory, whichever is larger."""


@dataclass(frozen=True, kw_only=True)
class MachineMeasure:
    """Bytes; `load` is the mean number of runnable processes over the last minute."""

    memory_total: int
    memory_free: int
    memory_for_models: int
    load: float


def measure_machine(*, worker: bool, device_memory: int | None) -> MachineMeasure:
    """Measure now. A node that is no worker gives nothing to models; a device may give less than the machine has."""
    memory = psutil.virtual_memory()
    spare = max(0, memory.available - max(RESERVED_BYTES, int(memory.total * RESERVED_FRACTION)))
    usable = spare if device_memory is None else min(spare, device_memory)
    return MachineMeasure(
        memory_total=memory.total,
        memory_free=memory.available,
        memory_for_models=usable if worker else 0,
        load=os.getloadavg()[0],
    )
