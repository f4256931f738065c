"""mlx-lm's `RotatingKVCache`: keys and values of the last tokens, `max_size` of them, and of the first `keep`."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from typing import cast, final

import mlx.core as mx

from exo_backend_mlx.layer_caches.keys_in_order import KeysInOrder, bytes_per_token
from exo_backend_mlx.layer_caches.layer_cache import CacheSize


@final
class WindowKeys(KeysInOrder):
    """In order until the window is full; then the next token takes the place of the oldest."""

    @property
    def likeness(self) -> Hashable:
        """Windows of one length."""
        return self.own_class, cast("int", self.own.max_size)

    def sizes(self) -> Sequence[CacheSize]:
        """It grows by `step` tokens at a time until it is full."""
        own = self.own
        ahead = min(own.step, own.max_size)
        return (CacheSize(per_token=bytes_per_token(own), window=own.max_size - ahead, ahead=ahead),)

    def can_forget(self, tokens: int) -> bool:
        """Until the window is full."""
        return self.own.offset < self.own.max_size and tokens <= self.own.offset

    def forget(self, tokens: int) -> None:
        """No window is so long that its memory would matter."""
        self.own.trim(tokens)

    def compact(self) -> object:
        """Hold the window alone: after a chunk of a prompt it holds the chunk besides.

        It is what the cache itself does, lazily, before its next single token; the next chunk keeps a token less.
        """
        own = self.own
        if own.keys is None:
            return ()
        surplus = own.keys.shape[2] - own.max_size
        if surplus > 0:  # only a chunk leaves so many, and in the order of the tokens
            own.keys, own.values = (_without(array, own.keep, surplus) for array in (own.keys, own.values))
            own._idx = own.max_size
        return own.keys, own.values

    def put(self, keys: mx.array, values: mx.array) -> None:
        """The next token follows them."""
        super().put(keys, values)
        self.own._idx = self.own.offset

    def lets_lie_in(self, capacity: int) -> bool:
        """As long as it lies in order there."""
        return capacity <= self.own.max_size


def _without(array: mx.array, kept: int, surplus: int) -> mx.array:
    """(1, heads, tokens, head size) without the `surplus` tokens behind the first `kept`, in memory of its own."""
    rest = array[:, :, kept + surplus :]
    left = mx.concatenate([array[:, :, :kept], rest], axis=2) if kept else rest
    return left * mx.array(1, array.dtype)
