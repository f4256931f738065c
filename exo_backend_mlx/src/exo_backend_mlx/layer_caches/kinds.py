"""Which kind a cache of mlx-lm's is: the one place that knows them all."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from exo_backend_mlx.layer_caches.cache_parts import CacheParts
from exo_backend_mlx.layer_caches.chunked_keys import ChunkedKeys
from exo_backend_mlx.layer_caches.growing_keys import GrowingKeys
from exo_backend_mlx.layer_caches.layer_cache import LayerCache
from exo_backend_mlx.layer_caches.quantized_keys import QuantizedKeys
from exo_backend_mlx.layer_caches.states import States
from exo_backend_mlx.layer_caches.window_keys import WindowKeys
from exo_backend_mlx.mlx_lm_facade import cache_classes


def layer_cache(own: object) -> LayerCache:
    """What is known of a cache. Of a class that is not listed, nothing, even where it derives from one that is."""
    return _KINDS.get(type(own), LayerCache)(own)


def _parts(own: object) -> LayerCache:
    return CacheParts(own, layer_cache)


_KINDS: Mapping[type, Callable[[object], LayerCache]] = {
    cache_classes.KEYS: GrowingKeys,
    cache_classes.QUANTIZED_KEYS: QuantizedKeys,
    cache_classes.WINDOW: WindowKeys,
    cache_classes.CHUNKED_WINDOW: ChunkedKeys,
    cache_classes.STATES: States,
    cache_classes.PARTS: _parts,
}
