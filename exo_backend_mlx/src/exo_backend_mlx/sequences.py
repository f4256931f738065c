"""One open sequence of a stage: its caches, what is known of its tokens, and how the next one is drawn."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from typing import cast, final

import mlx.core as mx

from exo_backend_mlx.mlx_lm_facade.models import Cache
from exo_backend_mlx.sampling import Sampler
from exo_engine.steps import Open, Row


@final
class OpenSequence:
    """`length` tokens are in the caches. `caches` has one entry per layer of the model, `own` those of this stage."""

    def __init__(
        self, operation: Open, caches: list[Cache], own: list[Cache], sampler: Sampler | None, length: int
    ) -> None:
        self.sequence = operation.sequence
        self.caches = caches
        self.own = own
        self.sampler = sampler
        self.length = length
        self._generated = list(operation.delivered)
        self._prompt_length = len(operation.prompt_ids)

    def check(self, row: Row) -> None:
        """Raise `ValueError` unless `row` goes on where the caches end."""
        if row.position != self.length or row.count < 1:
            message = f"sequence {row.sequence} holds {self.length} tokens, not {row.position} (row of {row.count})"
            raise ValueError(message)

    def index_after(self, row: Row) -> int:
        """The index in its choice of the token that follows `row`."""
        return row.position + row.count - self._prompt_length

    def generated_before(self, index: int) -> Sequence[int]:
        """The choice's tokens before `index`."""
        return self._generated if index >= len(self._generated) else self._generated[: max(index, 0)]

    def note_drawn(self, index: int, token_id: int) -> None:
        """Remember a drawn token; whatever was drawn from `index` on before is forgotten."""
        if index >= 0:
            self._generated[index:] = [token_id]

    def trim(self, length: int) -> None:
        """Forget positions from `length` on. Raises `ValueError`, with nothing changed, if these caches cannot."""
        surplus = self.length - length
        if surplus < 0 or length < 0:
            message = f"sequence {self.sequence} holds {self.length} tokens and cannot be cut to {length}"
            raise ValueError(message)
        if surplus and not all(cache.is_trimmable() for cache in self.own):
            message = f"the caches of sequence {self.sequence} cannot be cut at length {length}"
            raise ValueError(message)
        for cache in self.own if surplus else ():
            cache.trim(surplus)
        self.length = length

    def snapshot(self) -> OpenSequence:
        """A copy that later steps of this sequence do not change."""
        twin = copy.copy(self)
        twin._generated = list(self._generated)
        copies = {id(cache): _copy(cache) for cache in self.caches}
        twin.caches = [copies[id(cache)] for cache in self.caches]
        twin.own = [copies[id(cache)] for cache in self.own]
        return twin


def _copy(cache: Cache) -> Cache:
    """A cache of its own over the same memory, which mlx copies when either writes to it."""
    twin = copy.copy(cache)
    for name, value in cast("dict[str, object]", vars(twin)).items():
        setattr(twin, name, _share(value))
    return twin


def _share(value: object) -> object:
    if isinstance(value, mx.array):
        return mx.array(value)
    return [_share(item) for item in cast("list[object]", value)] if isinstance(value, list) else value
