"""Which memory has the device that mlx computes on, and how much of what is freed is kept for the next pass?"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

DeviceKind = Literal["cpu", "metal", "cuda"]

_MIB = 1024 * 1024
_LEAST_KEPT = 64 * _MIB
_SHARE_OF_A_MACHINE = 400
_SHARE_OF_A_DEVICE = 20


@dataclass(frozen=True)
class DeviceMemory:
    """Bytes. On a CPU and on Metal they are the machine's; a CUDA device has its own."""

    kind: DeviceKind
    total: int
    usable: int
    """What may be in use at once: on Metal what it recommends, else all."""
    free: int | None = None
    """What nobody uses, other programs included, where the device tells."""


def read_device(kind: DeviceKind, told: Mapping[str, object], machine_total: int) -> DeviceMemory:
    """From mlx's `device_info`, whose fields differ by device; what is missing is taken from the machine."""
    total = _first(told, "memory_size", "total_memory") or machine_total
    recommended = _first(told, "max_recommended_working_set_size") if kind == "metal" else None
    free = _first(told, "free_memory") if kind == "cuda" else None
    return DeviceMemory(kind, total, min(total, recommended or total), free)


def buffers_to_keep(device: DeviceMemory, working_bytes: int | None) -> int:
    """How much freed memory mlx may keep instead of giving it back; by itself it keeps any amount.

    A CPU's memory comes from the C library at once, so a little is enough. A GPU's takes long to get (Metal makes it
    resident and clears it, CUDA waits for what it is computing), so what a pass takes stays for the next one:
    `working_bytes` as measured, None before that. More would be what caches grew out of and nobody asks for again.
    """
    if device.kind == "cpu":
        return max(_LEAST_KEPT, device.total // _SHARE_OF_A_MACHINE)
    most = device.usable // _SHARE_OF_A_DEVICE
    return most if working_bytes is None else min(most, max(_LEAST_KEPT, working_bytes))


def _first(told: Mapping[str, object], *fields: str) -> int | None:
    values = (told.get(field) for field in fields)
    return next((value for value in values if isinstance(value, int) and value > 0), None)
