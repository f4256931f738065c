"""Where the rows of one pass have their keys and values, and the way from rows to slots and back.

Attention's results are put together as rows outside of slabs first, then each slab's slots; every layer does the same,
so the index arrays are made once for a pass.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import Protocol, cast, final

import mlx.core as mx

from exo_backend_mlx.slabs import Slab, Slot


class Resident(Protocol):
    """A sequence of the pass."""

    @property
    def length(self) -> int:
        """Its tokens before the pass."""
        ...

    @property
    def slot(self) -> Slot | None:
        """Where its keys and values are; None: in its own caches."""
        ...


@final
class SlabRows:
    """The rows of a pass that lie in one slab. `lengths` are counted before the pass."""

    def __init__(self, slab: Slab) -> None:
        self.slab = slab
        self.rows: list[int] = []
        self.slots: list[int] = []
        self.lengths: list[int] = []
        self._masks: dict[int | None, mx.array] = {}

    def add(self, row: int, slot: int, length: int) -> None:
        """One more row."""
        self.rows.append(row)
        self.slots.append(slot)
        self.lengths.append(length)

    @property
    def longest(self) -> int:
        """Tokens of the longest row, the next one included."""
        return max(self.lengths) + 1

    @cached_property
    def slot_indices(self) -> mx.array:
        """(rows,)"""
        return mx.array(self.slots)

    @cached_property
    def positions(self) -> mx.array:
        """Where each row's next token goes, (rows,)."""
        return mx.array(self.lengths)

    def row_of_slots(self) -> list[int]:
        """For each slot the row that is in it; any row for a slot without one."""
        rows = [self.rows[0]] * self.slab.slots
        for row, slot in zip(self.rows, self.slots, strict=True):
            rows[slot] = row
        return rows

    def mask(self, window: int | None) -> mx.array:
        """Which tokens each slot may see, boolean (slots, 1, 1, longest); a slot without a row sees its first."""
        if window not in self._masks:
            last = [0] * self.slab.slots
            for slot, length in zip(self.slots, self.lengths, strict=True):
                last[slot] = length
            ends, tokens = mx.array(last)[:, None, None, None], mx.arange(self.longest)
            seen = tokens <= ends
            self._masks[window] = seen if window is None else seen & (tokens > ends - window)
        return self._masks[window]


@final
class PassLayout:
    """Of a pass over one token of each sequence. Made before the pass counts its tokens."""

    def __init__(self, sequences: Sequence[Resident]) -> None:
        self._sequences = sequences
        self._offsets: dict[tuple[int, ...], mx.array] = {}
        self.alone: list[int] = []
        """Rows that are in no slab."""
        found: dict[int, SlabRows] = {}
        for row, caches in enumerate(sequences):
            if caches.slot is None:
                self.alone.append(row)
            else:
                slab = caches.slot.slab
                found.setdefault(id(slab), SlabRows(slab)).add(row, caches.slot.number, caches.length)
        self.slabs = list(found.values())

    def offsets(self, lengths: tuple[int, ...]) -> mx.array:
        """Those numbers, (rows,), as an array that is made once: most layers' caches have the same."""
        if lengths not in self._offsets:
            self._offsets[lengths] = mx.array(lengths)
        return self._offsets[lengths]

    @cached_property
    def _alone_rows(self) -> mx.array | None:
        return _unless_in_order(self.alone, len(self._sequences))

    @cached_property
    def _slab_rows(self) -> mx.array | None:
        """The rows of all slabs one after the other, in the order of `SlabRows.rows`."""
        return _unless_in_order([row for part in self.slabs for row in part.rows], len(self._sequences))

    @cached_property
    def _slot_rows(self) -> mx.array | None:
        """For each slot of all slabs, one after the other, the row that is in it."""
        return _unless_in_order([row for part in self.slabs for row in part.row_of_slots()], len(self._sequences))

    @cached_property
    def _way_back(self) -> mx.array | None:
        """For each row its place in what attention gives."""
        places = {row: place for place, row in enumerate(self.alone)}
        at = len(self.alone)
        for part in self.slabs:
            places |= {row: at + slot for row, slot in zip(part.rows, part.slots, strict=True)}
            at += part.slab.slots
        return _unless_in_order([places[row] for row in range(len(places))], at)

    def rows_alone(self, values: mx.array) -> list[mx.array]:
        """One view for each row outside of slabs, of values for all rows."""
        own = values if self._alone_rows is None else values[self._alone_rows]
        return cast("list[mx.array]", mx.split(own, len(self.alone), axis=0))

    def by_slot(self, values: mx.array) -> list[mx.array]:
        """For each slab the values of its slots, of values for all rows."""
        every = values if self._slot_rows is None else values[self._slot_rows]
        return _split(every, [part.slab.slots for part in self.slabs])

    def by_slab(self, values: mx.array) -> list[mx.array]:
        """For each slab the values of its rows, of values for all rows."""
        every = values if self._slab_rows is None else values[self._slab_rows]
        return _split(every, [len(part.rows) for part in self.slabs])

    def in_rows(self, parts: Sequence[mx.array]) -> mx.array:
        """Values for all rows, of one part for each row outside of slabs and then one for each slab's slots."""
        every = parts[0] if len(parts) == 1 else mx.concatenate(list(parts))
        return every if self._way_back is None else every[self._way_back]


def _unless_in_order(indices: list[int], count: int) -> mx.array | None:
    """None where picking these of `count` things would change nothing."""
    return None if indices == list(range(count)) else mx.array(indices)


def _split(values: mx.array, sizes: Sequence[int]) -> list[mx.array]:
    if len(sizes) == 1:
        return [values]
    ends = [sum(sizes[: at + 1]) for at in range(len(sizes) - 1)]
    return cast("list[mx.array]", mx.split(values, ends, axis=0))
