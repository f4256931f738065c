"""mlx-lm's `ChunkedKVCache`: keys and values of the last `chunk_size` tokens, for models that attend within a chunk."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from typing import cast, final

import mlx.core as mx

from exo_backend_mlx.layer_caches.keys_in_order import bytes_per_token
from exo_backend_mlx.layer_caches.layer_cache import CacheSize, LayerCache


@final
class ChunkedKeys(LayerCache):
    """Its model drops what is older before each pass."""

    @property
    def likeness(self) -> Hashable:
        """Chunks of one length."""
        return self.own_class, cast("int", self.own.chunk_size)

    @property
    def lingers(self) -> bool:
        """Attention reads all of it."""
        return False

    def sizes(self) -> Sequence[CacheSize]:
        """It grows by `step` tokens at a time, also when it is full."""
        own = self.own
        return (CacheSize(per_token=bytes_per_token(own), window=own.chunk_size, ahead=own.step),)

    def compact(self) -> object:
        """Drop what is older now, and its memory: a chunk of a prompt leaves the chunk besides."""
        own = self.own
        own.maybe_trim_front()
        if own.keys is not None and own.keys.shape[2] == own.chunk_size:  # what was dropped left a view, if anything
            own.keys, own.values = own.keys * mx.array(1, own.keys.dtype), own.values * mx.array(1, own.values.dtype)
        return own.keys, own.values

    def can_forget(self, tokens: int) -> bool:
        """Until something was dropped. (mlx-lm says that it can always be trimmed, and then trims less than asked.)"""
        return self.own.start_position == 0 and tokens <= self.own.offset

    def forget(self, tokens: int) -> None:
        """No chunk is so long that its memory would matter."""
        self.own.trim(tokens)
