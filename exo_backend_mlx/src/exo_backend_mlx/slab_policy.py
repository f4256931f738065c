"""Which sequences of a pass lie in slabs: short ones, once there are enough of them to pay.

A slab is made for sequences that need the same capacity and come in one pass, as large as they are many, so that none
of it is empty. Later ones fill slots that others left, or, once there are enough of them, new ones. When a quarter of a
slab is empty, those who are left move out, and into a slab of their number if they are enough.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import final

from exo_backend_mlx.sequence_caches import SequenceCaches
from exo_backend_mlx.slabs import Slab, Slot

_BLOCK = 256
"""Tokens; the capacities of slabs are multiples of it."""
_LONGEST = 1024
"""Tokens; attention over longer sequences takes so long that it is as fast one by one."""
_FEWEST = 6
"""Sequences; fewer are as fast one by one."""

_WORTH_COPYING = 0.25
"""Of a slab's slots, so many sequences beside it: all are copied once, so none more than a few times in all."""
_FULL_ENOUGH = 0.75
"""Of a slab's slots; empty ones are memory that no budget knows of."""


@dataclass(frozen=True)
class _Residence:
    """A slab and those who entered it; some may have left since `forget_empty`."""

    slab: Slab
    entered: list[SequenceCaches]

    def move_in(self, caches: SequenceCaches, slot: int) -> None:
        caches.slot = Slot(self.slab, slot)
        self.entered.append(caches)

    def widen(self, group: Sequence[SequenceCaches]) -> None:
        for slot, caches in zip(self.slab.widen([each.layers for each in group]), group, strict=True):
            self.move_in(caches, slot)

    def grow_if_all_must(self) -> None:
        """Sequences that began together reach the end together: they are copied once, not out and in again."""
        longer = self.slab.capacity + _BLOCK
        residents = self.residents()
        if residents and all(_capacity(caches) == longer for caches in residents):
            self.slab.grow(longer)

    def residents(self) -> list[SequenceCaches]:
        return [caches for caches in self.entered if caches.slot is not None and caches.slot.slab is self.slab]


@final
class SlabPolicy:
    """Keeps the slabs of a stage."""

    def __init__(self) -> None:
        self._residences: list[_Residence] = []

    @property
    def used(self) -> int:
        """Slots that are taken."""
        return sum(residence.slab.used for residence in self._residences)

    def arrange(self, sequences: Sequence[SequenceCaches]) -> None:
        """Before a pass over one token of each: move in who should, move out who must."""
        for residence in self._residences:
            residence.grow_if_all_must()
        for caches in sequences:
            if caches.slot is not None and caches.length >= caches.slot.slab.capacity:
                caches.settle()
        entering = defaultdict[int, list[SequenceCaches]](list)
        for caches in sequences:
            if caches.slot is None and (capacity := _capacity(caches)) is not None:
                entering[capacity].append(caches)
        for capacity, group in entering.items():
            self._enter(capacity, group)
        self._clear_out()

    def forget_empty(self) -> None:
        """Give up slabs that the last sequence left, and those who left the others."""
        for residence in self._residences:
            residence.entered[:] = residence.residents()
        self._residences = [residence for residence in self._residences if residence.slab.used]

    def clear(self) -> None:
        """All sequences are gone."""
        self._residences.clear()

    def _clear_out(self) -> None:
        for residence in self._residences:
            if residence.slab.used < _FULL_ENOUGH * residence.slab.slots:
                for caches in residence.residents():
                    caches.settle()
        self.forget_empty()

    def _enter(self, capacity: int, group: list[SequenceCaches]) -> None:
        for residence in self._residences:
            slab = residence.slab
            while slab.capacity == capacity and group and (slot := slab.free_slot) is not None:
                caches = group.pop()
                slab.enter(slot, caches.layers)
                residence.move_in(caches, slot)
            if slab.capacity == capacity and group and len(group) >= _WORTH_COPYING * slab.slots:
                residence.widen(group)
                return
        if len(group) >= _FEWEST:
            residence = _Residence(Slab([caches.layers for caches in group], capacity), [])
            self._residences.append(residence)
            for slot, caches in enumerate(group):
                residence.move_in(caches, slot)


def _capacity(caches: SequenceCaches) -> int | None:
    """That of the slab in which a sequence's next token fits; None: in no slab, or it is empty still."""
    capacity = (caches.length // _BLOCK + 1) * _BLOCK
    if caches.length == 0 or capacity > _LONGEST:
        return None
    fits = all(layer.lets_lie_in(capacity) for layer in caches.layers)
    return capacity if fits and any(layer.keys is not None for layer in caches.layers) else None
