"""mlx-lm's `KVCache`: keys and values of every token."""

from __future__ import annotations

from collections.abc import Sequence
from typing import final

from exo_backend_mlx.layer_caches.keys_in_order import KeysInOrder, bytes_per_token
from exo_backend_mlx.layer_caches.layer_cache import CacheSize


@final
class GrowingKeys(KeysInOrder):
    """It grows by `step` tokens at a time."""

    def sizes(self) -> Sequence[CacheSize]:
        """Whatever its length."""
        return (CacheSize(per_token=bytes_per_token(self.own), ahead=self.own.step),)

    @property
    def keeps_every_token(self) -> bool:
        """It does."""
        return True

    def can_forget(self, tokens: int) -> bool:
        """As many as it has."""
        return tokens <= self.own.offset

    def forget(self, tokens: int) -> None:
        """Take them back, and what lies behind the last one, unless that is no more than it grows by anyway.

        mlx-lm would keep the arrays, so the next token would be written into a copy of all that was taken back. What is
        left here is a view, and the next token makes it grow: that copies only the view.
        """
        own = self.own
        own.trim(tokens)
        if own.keys is not None and own.keys.shape[2] - own.offset > own.step:
            own.keys, own.values = own.keys[:, :, : own.offset], own.values[:, :, : own.offset]

    def compact(self) -> object:
        """It never takes more."""
        return ()

    def lets_lie_in(self, capacity: int) -> bool:
        """Its sequence has no more tokens than that."""
        del capacity
        return True
