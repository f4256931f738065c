"""How much memory caches take, and how much they may."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, cast

import mlx.core as mx
import psutil

from exo_backend_mlx.layer_caches.layer_cache import LayerCache
from exo_backend_mlx.preparation import computes_on_cpu

_SHARE_OF_FREE = 0.8
"""What is left over is for the passes themselves."""


@dataclass(frozen=True)
class CacheSizes:
    """Bytes of one sequence's caches: what they grow by per token, and what they take whatever its length."""

    per_token: int
    per_sequence: int


def cache_sizes(layers: Iterable[LayerCache]) -> CacheSizes:
    """Of caches that hold at least one token. One that keeps a window only is counted as full from the start."""
    sizes = [size for layer in layers for size in layer.sizes()]
    return CacheSizes(
        per_token=sum(size.per_token for size in sizes if size.window is None),
        per_sequence=sum(size.fixed + size.per_token * (size.ahead + (size.window or 0)) for size in sizes),
    )


def free_for_caches() -> int:
    """Bytes that caches may take where nobody promised them any: most of what the device has free now."""
    if computes_on_cpu():
        return int(psutil.virtual_memory().available * _SHARE_OF_FREE)
    told = cast("dict[str, object]", cast("Any", mx).device_info())
    limit = told.get("max_recommended_working_set_size") or told.get("total_memory") or told.get("memory_size")
    free = int(cast("int", limit)) - mx.get_active_memory() if limit else psutil.virtual_memory().available
    return max(0, int(free * _SHARE_OF_FREE))
