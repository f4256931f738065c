"""Short sequences' keys and values side by side, so that many rows cost one write and one attention per layer.

Attention over each row's own caches costs some operations per row and layer, which is more than the arithmetic where
sequences are short. A slab holds as many sequences as entered it together, each in a slot of the same capacity. Nobody
else is copied when one enters a free slot, leaves or outgrows it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol, final

import mlx.core as mx

from exo_backend_mlx.evaluation import evaluate

Layer = tuple[mx.array, mx.array]
"""Keys and values of one layer, (slots, heads, capacity, head size)."""


class Keys(Protocol):
    """One layer's keys and values of one sequence, (1, heads, tokens, head size)."""

    @property
    def length(self) -> int:
        """Their tokens."""
        ...

    def take(self) -> tuple[mx.array, mx.array]:
        """They are held elsewhere from now on."""
        ...

    def put(self, keys: mx.array, values: mx.array) -> None:
        """They are back."""
        ...


class Member(Protocol):
    """What one layer remembers of a sequence."""

    @property
    def keys(self) -> Keys | None:
        """What of it lies in a slab; None: nothing."""
        ...


@final
class Slab:
    """Slots of `capacity` tokens. A cache that entered keeps its offset; its arrays are here."""

    def __init__(self, members: Sequence[Sequence[Member]], capacity: int) -> None:
        """Take in the caches of some sequences, one list of a stage's layers for each."""
        self.capacity = capacity
        self.layers: list[Layer | None] = [_joined(layer, capacity) for layer in zip(*members, strict=True)]
        self.slots = len(members)
        self._free: list[int] = []

    @property
    def used(self) -> int:
        """Slots that are taken."""
        return self.slots - len(self._free)

    @property
    def free_slot(self) -> int | None:
        """A slot that a sequence may enter."""
        return self._free[-1] if self._free else None

    def enter(self, slot: int, caches: Sequence[Member]) -> None:
        """Take the caches of a sequence into a free slot."""
        for at, (layer, cache) in enumerate(zip(self.layers, caches, strict=True)):
            if layer is not None and cache.keys is not None:
                self.layers[at] = None  # so that nobody else holds it and it is written in place
                self.layers[at] = _written(layer, slot, cache.keys.take())
        self._free.remove(slot)
        evaluate(self.layers)

    def write(self, layer: int, slots: mx.array, positions: mx.array, keys: mx.array, values: mx.array) -> None:
        """Put keys and values (rows, heads, head size) at each row's slot and position, in place."""
        held = self.layers[layer]
        assert held is not None  # noqa: S101 — a layer without keys is not written to
        self.layers[layer] = None
        held[0][slots, :, positions] = keys
        held[1][slots, :, positions] = values
        self.layers[layer] = held

    def held(self, layer: int, length: int, span: range) -> Layer:
        """Keys and values of the slots of a span up to `length`."""
        held = self.layers[layer]
        assert held is not None  # noqa: S101 — as above
        keys, values = (array[span.start : span.stop, :, :length] for array in held)
        return keys, values

    def grow(self, capacity: int) -> None:
        """Make all slots longer, layer by layer, so that no two layers are there twice at once."""
        for at, layer in enumerate(self.layers):
            if layer is not None:
                self.layers[at] = _padded(layer[0], capacity), _padded(layer[1], capacity)
                evaluate(self.layers[at])
        self.capacity = capacity

    def widen(self, members: Sequence[Sequence[Member]]) -> range:
        """Take in so many more sequences, in slots of their own, and give these. All are copied, layer by layer."""
        for at, (layer, caches) in enumerate(zip(self.layers, zip(*members, strict=True), strict=True)):
            more = _joined(caches, self.capacity)
            if layer is not None and more is not None:
                self.layers[at] = mx.concatenate([layer[0], more[0]]), mx.concatenate([layer[1], more[1]])
                evaluate(self.layers[at])
        added = range(self.slots, self.slots + len(members))
        self.slots = added.stop
        return added

    def leave(self, slot: int) -> None:
        """Free a slot; what was in it is gone."""
        self._free.append(slot)

    def copy_into(self, slot: int, caches: Sequence[Member]) -> None:
        """Give a slot's keys and values to caches of the same offsets."""
        copies: list[mx.array] = []
        for layer, cache in zip(self.layers, caches, strict=True):
            if layer is not None and cache.keys is not None:
                length = cache.keys.length
                keys, values = (_copy(array[slot : slot + 1, :, :length]) for array in layer)
                cache.keys.put(keys, values)
                copies += (keys, values)
        evaluate(copies)


@dataclass(frozen=True)
class Slot:
    """Where a sequence's keys and values are, if they are not in its caches."""

    slab: Slab
    number: int


def _joined(layer: Sequence[Member], capacity: int) -> Layer | None:
    """One layer's keys and values of several sequences, computed, so that the caches' own memory is free again."""
    taken = [cache.keys.take() for cache in layer if cache.keys is not None]
    if not taken:
        return None
    keys = mx.concatenate([_padded(keys, capacity) for keys, _ in taken])
    values = mx.concatenate([_padded(values, capacity) for _, values in taken])
    evaluate(keys, values)
    return keys, values


def _padded(array: mx.array, capacity: int) -> mx.array:
    return mx.pad(array, [(0, 0), (0, 0), (0, capacity - array.shape[2]), (0, 0)])


def _written(layer: Layer, slot: int, taken: tuple[mx.array, mx.array]) -> Layer:
    keys, values = layer
    del layer
    keys[slot : slot + 1, :, : taken[0].shape[2]] = taken[0]
    values[slot : slot + 1, :, : taken[1].shape[2]] = taken[1]
    return keys, values


def _copy(array: mx.array) -> mx.array:
    """The numbers in memory of their own: a view would keep the whole slab."""
    return array * mx.array(1, array.dtype)
