"""What a stage remembers of one sequence's tokens; also what a snapshot is."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from dataclasses import dataclass
from typing import cast, final

import mlx.core as mx

from exo_backend_mlx.evaluation import evaluate
from exo_backend_mlx.mlx_lm_facade.cache_arrays import copy_states, cut_window, drop_trimmed, holds_states, parts_of
from exo_backend_mlx.mlx_lm_facade.models import Cache, keeps_every_token
from exo_backend_mlx.slabs import Slab


@dataclass(frozen=True)
class Slot:
    """Where a sequence's keys and values are, if they are not in its caches."""

    slab: Slab
    number: int


@final
class SequenceCaches:
    """`length` tokens are in the caches. `all` has one entry per layer of the model, `own` those of this stage."""

    def __init__(self, caches: list[Cache], own: slice, length: int = 0) -> None:
        self.all = caches
        self.own = caches[own]
        self._own_range = own
        self.length = length
        self.slot: Slot | None = None

    @property
    def can_be_cut(self) -> bool:
        """Whether `trim` works now."""
        return all(cache.is_trimmable() for cache in self.own)

    @property
    def can_always_be_cut(self) -> bool:
        """Whether `trim` will work at every length: not once a window has moved on, though it does before."""
        return all(keeps_every_token(cache) for cache in self.own)

    def trim(self, length: int) -> None:
        """Forget positions from `length` on. Raises `ValueError`, with nothing changed, if these caches cannot."""
        surplus = self.length - length
        if surplus < 0 or length < 0:
            message = f"caches of {self.length} tokens cannot be cut to {length}"
            raise ValueError(message)
        if surplus and not self.can_be_cut:
            message = f"caches of this kind that hold {self.length} tokens cannot be cut at length {length}"
            raise ValueError(message)
        for cache in self.own if surplus else ():
            cache.trim(surplus)
        for cache in parts_of(self.own if surplus else ()):
            drop_trimmed(cache)
        self.length = length

    def copy(self) -> SequenceCaches:
        """The same, over the same memory, which mlx copies when either is written to."""
        copies = {id(cache): _copy(cache) for cache in self.all}
        twin = SequenceCaches([copies[id(cache)] for cache in self.all], self._own_range, self.length)
        if self.slot is not None:
            self.slot.slab.copy_into(self.slot.number, twin.own)
        return twin.compact()

    def compact(self) -> SequenceCaches:
        """Make what is kept take no more than is counted.

        States that do not grow get memory of their own: a pass leaves views of what it computed for all rows. Windows
        are cut to their size: a chunk of a prompt leaves more.
        """
        parts = list(parts_of(self.own))
        for cache in parts:
            cut_window(cache)
            if holds_states(cache):
                copy_states(cache)
        evaluate([cache.state for cache in parts if not keeps_every_token(cache)])
        return self

    def settle(self) -> SequenceCaches:
        """Bring keys and values back from a slab into the caches, which mlx-lm's models need alone."""
        if self.slot is not None:
            self.slot.slab.copy_into(self.slot.number, self.own)
            self.leave()
        return self

    def leave(self) -> None:
        """Give up a slot and what is in it."""
        if self.slot is not None:
            self.slot.slab.leave(self.slot.number)
            self.slot = None

    @property
    def state(self) -> list[object]:
        """All their arrays, nested."""
        return [cache.state for cache in self.own]

    @property
    def lingering(self) -> list[object]:
        """Arrays that a pass's result does not depend on, so that computing the result leaves them lazy."""
        return [cache.state for cache in self.own if not hasattr(cache, "keys")]


def _copy(cache: Cache) -> Cache:
    twin = copy.copy(cache)
    for name, value in cast("dict[str, object]", vars(twin)).items():
        setattr(twin, name, _share(value))
    return twin


def _share(value: object) -> object:
    if isinstance(value, mx.array):
        return mx.array(value)
    if isinstance(value, list):
        return [_share(item) for item in cast("list[object]", value)]
    if isinstance(value, tuple):  # the parts of mlx-lm's CacheList
        return tuple(_share_part(item) for item in cast("Sequence[object]", value))
    return value


def _share_part(value: object) -> object:
    return _copy(cast("Cache", value)) if hasattr(value, "is_trimmable") else _share(value)
