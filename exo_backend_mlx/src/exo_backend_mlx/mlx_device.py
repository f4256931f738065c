"""The device that mlx computes on. What imports mlx does so in the functions: its BLAS must be chosen before."""

from __future__ import annotations

from typing import Any, cast

import psutil

from exo_backend_mlx.device_memory import DeviceKind, DeviceMemory, read_device


def computes_on_cpu() -> bool:
    """Whether mlx's default device is a CPU."""
    return device_kind() == "cpu"


def device_kind() -> DeviceKind:
    """Of mlx's default device."""
    import mlx.core as mx

    if mx.default_device() == mx.Device(mx.cpu):
        return "cpu"
    return "metal" if mx.metal.is_available() else "cuda"


def device_information() -> dict[str, object]:
    """What mlx tells of it; the fields differ by device."""
    import mlx.core as mx

    return cast("dict[str, object]", cast("Any", mx).device_info())


def device_memory() -> DeviceMemory:
    """Now."""
    return read_device(device_kind(), device_information(), psutil.virtual_memory().total)
