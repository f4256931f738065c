"""mlx-lm's classes of caches, which have no types; each is known to one file of `layer_caches`."""

from __future__ import annotations

from typing import Any, cast

from mlx_lm.models import cache as _untyped

_library = cast("Any", _untyped)

KEYS = cast("type[Any]", _library.KVCache)
QUANTIZED_KEYS = cast("type[Any]", _library.QuantizedKVCache)
WINDOW = cast("type[Any]", _library.RotatingKVCache)
CHUNKED_WINDOW = cast("type[Any]", _library.ChunkedKVCache)
STATES = cast("type[Any]", _library.ArraysCache)
PARTS = cast("type[Any]", _library.CacheList)
