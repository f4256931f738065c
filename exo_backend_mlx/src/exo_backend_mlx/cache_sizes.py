"""How much memory caches take, and how much they may."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

import mlx.core as mx
import psutil

from exo_backend_mlx.layer_caches.layer_cache import LayerCache
from exo_backend_mlx.mlx_device import device_memory

_SHARE_OF_FREE = 0.8
"""What is left over is for the passes themselves."""


@dataclass(frozen=True)
class CacheSizes:
    """Bytes of one sequence's caches: what they grow by per token, and what they take whatever its length."""

    per_token: int
    per_sequence: int
    windows: tuple[tuple[int, int], ...] = ()
    """(tokens, bytes of each of the first so many), the shortest first."""


def cache_sizes(layers: Iterable[LayerCache]) -> CacheSizes:
    """Of caches that hold at least one token."""
    sizes = [size for layer in layers for size in layer.sizes()]
    windows = Counter[int]()
    for size in sizes:
        if size.window:
            windows[size.window] += size.per_token
    return CacheSizes(
        per_token=sum(size.per_token for size in sizes if size.window is None),
        per_sequence=sum(size.fixed + size.per_token * size.ahead for size in sizes),
        windows=tuple(sorted(windows.items())),
    )


def free_for_caches() -> int:
    """Bytes that caches may take where nobody promised them any: most of what the device has free now."""
    device, machine = device_memory(), psutil.virtual_memory().available
    unused = device.usable - mx.get_active_memory()
    by_kind = {"cpu": machine, "metal": min(unused, machine), "cuda": unused if device.free is None else device.free}
    return max(0, int(by_kind[device.kind] * _SHARE_OF_FREE))
