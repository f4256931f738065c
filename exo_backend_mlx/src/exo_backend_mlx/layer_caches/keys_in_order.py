"""Caches of keys and values, (1, heads, tokens, head size), a pair per token in the tokens' order, so far at least."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import mlx.core as mx

from exo_backend_mlx.layer_caches.layer_cache import LayerCache
from exo_backend_mlx.padded_rows import PaddedRowsCache
from exo_backend_mlx.pass_layout import PassLayout
from exo_backend_mlx.row_views import RowsCache


class KeysInOrder(LayerCache):
    """What all kinds of them have in common. In a slab they keep their offset; their arrays are there."""

    @property
    def length(self) -> int:
        """Tokens seen."""
        return self.own.offset

    @property
    def lingers(self) -> bool:
        return False

    @property
    def goes_with_others(self) -> bool:
        return True

    @property
    def takes_chunks_with_others(self) -> bool:
        return True

    def as_one(self, rows: Sequence[Any], layout: PassLayout | None, layer: int) -> object:
        return PaddedRowsCache(rows) if layout is None else RowsCache(rows, layout, layer)

    @property
    def keys(self) -> KeysInOrder:
        return self

    def take(self) -> tuple[mx.array, mx.array]:
        """Its keys and values, which it then holds no more; its offset stays."""
        own = self.own
        keys, values = own.keys[:, :, : own.offset], own.values[:, :, : own.offset]
        own.keys = own.values = None
        return keys, values

    def put(self, keys: mx.array, values: mx.array) -> None:
        """Hold keys and values again, of as many tokens as its offset says."""
        self.own.keys, self.own.values = keys, values


def bytes_per_token(own: Any) -> int:  # noqa: ANN401 — mlx_lm has no types
    """Of a cache whose `keys` and `values` are arrays of (…, tokens, numbers)."""
    return sum(array.nbytes // array.shape[-2] for array in (own.keys, own.values))
