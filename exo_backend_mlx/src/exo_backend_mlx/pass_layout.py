"""Where the rows of one pass have their keys and values, and the way from the pass's tokens to slots and back.

To the model each token of a pass is a row of its own, (tokens, 1, …), those of one sequence side by side. Attention's
results are put together as sequences outside of slabs first, then each slab's span; every layer does the same, so the
index arrays are made once for a pass.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from itertools import accumulate
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
    """The rows of a pass that lie in one slab, a token each. `lengths` are counted before the pass."""

    def __init__(self, slab: Slab) -> None:
        self.slab = slab
        self.rows: list[int] = []
        self.places: list[int] = []
        """Of their tokens among all tokens."""
        self.slots: list[int] = []
        self.lengths: list[int] = []
        self._masks: dict[int | None, mx.array] = {}

    def add(self, row: int, place: int, slot: Slot, length: int) -> None:
        """One more row."""
        self.rows.append(row)
        self.places.append(place)
        self.slots.append(slot.number)
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

    @cached_property
    def span(self) -> range:
        """The slots from the first to the last in which a row is; attention is computed for these."""
        return range(min(self.slots), max(self.slots) + 1)

    @cached_property
    def span_places(self) -> list[int]:
        """For each slot of the span, the row's place in it."""
        return [slot - self.span.start for slot in self.slots]

    def place_of_slots(self) -> list[int]:
        """For each slot of the span the place of the row that is in it; that of any row for a slot without one."""
        places = [self.places[0]] * len(self.span)
        for place, at in zip(self.places, self.span_places, strict=True):
            places[at] = place
        return places

    def mask(self, window: int | None) -> mx.array:
        """Which tokens each slot of the span may see, boolean (slots, 1, 1, longest); one without a row its first."""
        if window not in self._masks:
            last = [0] * len(self.span)
            for at, length in zip(self.span_places, self.lengths, strict=True):
                last[at] = length
            ends, tokens = mx.array(last)[:, None, None, None], mx.arange(self.longest)
            seen = tokens <= ends
            self._masks[window] = seen if window is None else seen & (tokens > ends - window)
        return self._masks[window]


@final
class PassLayout:
    """Of a pass over `counts` tokens of each sequence, in a slab one. Made before the pass counts its tokens."""

    def __init__(self, sequences: Sequence[Resident], counts: Sequence[int]) -> None:
        self.counts = counts
        self._places = [range(end - count, end) for end, count in zip(accumulate(counts), counts, strict=True)]
        """Of each row's tokens among all tokens."""
        self._offsets: dict[tuple[int, ...], mx.array] = {}
        self.alone: list[int] = []
        """Rows that are in no slab."""
        found: dict[int, SlabRows] = {}
        for row, caches in enumerate(sequences):
            if caches.slot is None:
                self.alone.append(row)
            else:
                slab = caches.slot.slab
                rows = found.setdefault(id(slab), SlabRows(slab))
                rows.add(row, self._places[row].start, caches.slot, caches.length)
        self.slabs = list(found.values())

    @property
    def tokens(self) -> int:
        """Of all rows."""
        return self._places[-1].stop

    def offsets(self, lengths: tuple[int, ...]) -> mx.array:
        """Where each token goes, (tokens,), in caches of these lengths. Made once: most layers have the same."""
        if lengths not in self._offsets:
            rows = zip(lengths, self.counts, strict=True)
            self._offsets[lengths] = mx.array([at for length, count in rows for at in range(length, length + count)])
        return self._offsets[lengths]

    @cached_property
    def _places_alone(self) -> list[int]:
        return [place for row in self.alone for place in self._places[row]]

    @cached_property
    def _alone_places(self) -> mx.array | None:
        return _unless_in_order(self._places_alone, self.tokens)

    @cached_property
    def _slab_places(self) -> mx.array | None:
        """The places of the rows of all slabs one after the other, in the order of `SlabRows.rows`."""
        return _unless_in_order([place for part in self.slabs for place in part.places], self.tokens)

    @cached_property
    def _slot_places(self) -> mx.array | None:
        """For each slot of all slabs' spans, one after the other, the place of the row that is in it."""
        return _unless_in_order([place for part in self.slabs for place in part.place_of_slots()], self.tokens)

    @cached_property
    def _way_back(self) -> mx.array | None:
        """For each token its place in what attention gives."""
        found = {place: at for at, place in enumerate(self._places_alone)}
        at = len(found)
        for part in self.slabs:
            found |= {place: at + own for place, own in zip(part.places, part.span_places, strict=True)}
            at += len(part.span)
        return _unless_in_order([found[place] for place in range(self.tokens)], at)

    def rows_alone(self, values: mx.array) -> list[mx.array]:
        """For each row outside of slabs a view (1, heads, its tokens, …), of values (tokens, heads, 1, …)."""
        own = values if self._alone_places is None else values[self._alone_places]
        parts = _split(own, [self.counts[row] for row in self.alone])
        return [part if part.shape[0] == 1 else mx.swapaxes(part, 0, 2) for part in parts]

    def by_slot(self, values: mx.array) -> list[mx.array]:
        """For each slab the values of its span's slots, of values for all tokens."""
        every = values if self._slot_places is None else values[self._slot_places]
        return _split(every, [len(part.span) for part in self.slabs])

    def by_slab(self, values: mx.array) -> list[mx.array]:
        """For each slab the values of its rows, of values for all tokens."""
        every = values if self._slab_places is None else values[self._slab_places]
        return _split(every, [len(part.rows) for part in self.slabs])

    def in_tokens(self, parts: Sequence[mx.array]) -> mx.array:
        """(tokens, heads, 1, …), of a part as `rows_alone` gives it for each such row and one for each slab's span."""
        alone = [part if part.shape[2] == 1 else mx.swapaxes(part, 0, 2) for part in parts]
        every = alone[0] if len(alone) == 1 else mx.concatenate(alone)
        return every if self._way_back is None else every[self._way_back]


def _unless_in_order(indices: list[int], count: int) -> mx.array | None:
    """None where picking these of `count` things would change nothing."""
    return None if indices == list(range(count)) else mx.array(indices)


def _split(values: mx.array, sizes: Sequence[int]) -> list[mx.array]:
    if len(sizes) == 1:
        return [values]
    ends = [*accumulate(sizes)][:-1]
    return cast("list[mx.array]", mx.split(values, ends, axis=0))
