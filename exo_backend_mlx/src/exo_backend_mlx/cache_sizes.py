"""How much memory caches take, and how much they may."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, cast

import mlx.core as mx
import psutil

from exo_backend_mlx.mlx_lm_facade.models import Cache
from exo_backend_mlx.preparation import computes_on_cpu

_GROWS_BY = 256
"""Tokens by which mlx-lm's caches grow at a time."""
_SHARE_OF_FREE = 0.8
"""What is left over is for the passes themselves."""


@dataclass(frozen=True)
class CacheSizes:
    """Bytes of one sequence's caches: what they grow by per token, and what they take whatever its length."""

    per_token: int
    per_sequence: int


def cache_sizes(caches: Sequence[Cache]) -> CacheSizes:
    """Of caches that hold at least one token. One that keeps a window only is counted as full from the start."""
    sizes = [_sizes(cache) for cache in caches]
    per_token = sum(size.per_token for size in sizes)
    return CacheSizes(per_token, sum(size.per_sequence for size in sizes) + _GROWS_BY * per_token)


def free_for_caches() -> int:
    """Bytes that caches may take where nobody promised them any: most of what the device has free now."""
    if computes_on_cpu():
        return int(psutil.virtual_memory().available * _SHARE_OF_FREE)
    told = cast("dict[str, object]", cast("Any", mx).device_info())
    limit = told.get("max_recommended_working_set_size") or told.get("total_memory") or told.get("memory_size")
    free = int(cast("int", limit)) - mx.get_active_memory() if limit else psutil.virtual_memory().available
    return max(0, int(free * _SHARE_OF_FREE))


def _sizes(cache: Cache) -> CacheSizes:
    parts = cast("Sequence[Cache] | None", getattr(cache, "caches", None))
    if parts is not None:
        each = [_sizes(part) for part in parts]
        return CacheSizes(sum(size.per_token for size in each), sum(size.per_sequence for size in each))
    keys, values = cast("Any", getattr(cache, "keys", None)), cast("Any", getattr(cache, "values", None))
    if not isinstance(keys, mx.array) or not isinstance(values, mx.array):
        return CacheSizes(0, cache.nbytes)
    per_token = keys.nbytes // keys.shape[-2] + values.nbytes // values.shape[-2]
    window = cast("int | None", getattr(cache, "max_size", None))
    return CacheSizes(per_token, 0) if window is None else CacheSizes(0, per_token * window)
