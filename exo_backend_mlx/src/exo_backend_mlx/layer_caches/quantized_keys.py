"""mlx-lm's `QuantizedKVCache`: keys and values of every token, three arrays (packed, scales, biases) of each."""

from __future__ import annotations

from collections.abc import Sequence
from typing import final

import mlx.core as mx

from exo_backend_mlx.layer_caches.layer_cache import CacheSize, LayerCache


@final
class QuantizedKeys(LayerCache):
    """It grows by `step` tokens at a time."""

    @property
    def lingers(self) -> bool:
        """Attention reads all of it."""
        return False

    def sizes(self) -> Sequence[CacheSize]:
        """Whatever its length."""
        arrays: list[mx.array] = [*self.own.keys, *self.own.values]
        per_token = sum(array.nbytes // array.shape[-2] for array in arrays)
        return (CacheSize(per_token=per_token, ahead=self.own.step),)

    @property
    def keeps_every_token(self) -> bool:
        """It does."""
        return True

    def can_forget(self, tokens: int) -> bool:
        """As many as it has."""
        return tokens <= self.own.offset

    def forget(self, tokens: int) -> None:
        """As `GrowingKeys` does."""
        own = self.own
        own.trim(tokens)
        if own.keys is not None and own.keys[0].shape[-2] - own.offset > own.step:
            own.keys, own.values = (_beginning(arrays, own.offset) for arrays in (own.keys, own.values))

    def compact(self) -> object:
        """It never takes more."""
        return ()


def _beginning(arrays: Sequence[mx.array], length: int) -> tuple[mx.array, ...]:
    return tuple(array[..., :length, :] for array in arrays)
