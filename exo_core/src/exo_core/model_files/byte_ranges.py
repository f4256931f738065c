"""Which bytes of a file are wanted, which are there, and in which pieces do the others come? Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple


class ByteRange(NamedTuple):
    """Bytes start … end - 1 of a file."""

    start: int
    end: int

    @property
    def size(self) -> int:
        """How many."""
        return self.end - self.start


def merged(ranges: Iterable[ByteRange]) -> list[ByteRange]:
    """The same bytes in order, in as few ranges as possible; empty ranges vanish."""
    result: list[ByteRange] = []
    for item in sorted(item for item in ranges if item.size > 0):
        if result and item.start <= result[-1].end:
            result[-1] = ByteRange(result[-1].start, max(result[-1].end, item.end))
        else:
            result.append(item)
    return result


def without(wanted: Iterable[ByteRange], there: Iterable[ByteRange]) -> list[ByteRange]:
    """The bytes of `wanted` that are not in `there`."""
    holes, result = merged(there), list[ByteRange]()
    for item in merged(wanted):
        start = item.start
        for hole in holes:
            if hole.end > start and hole.start < item.end:
                result.append(ByteRange(start, max(start, hole.start)))
                start = max(start, hole.end)
        result.append(ByteRange(start, max(start, item.end)))
    return [item for item in result if item.size > 0]


def within(wanted: Iterable[ByteRange], there: Iterable[ByteRange]) -> list[ByteRange]:
    """The bytes of `wanted` that are in `there`."""
    kept = merged(wanted)
    return without(kept, without(kept, there))


def pieces(ranges: Iterable[ByteRange], largest: int) -> Iterator[ByteRange]:
    """The same bytes in order, in pieces of at most `largest`."""
    for item in ranges:
        for start in range(item.start, item.end, largest):
            yield ByteRange(start, min(start + largest, item.end))


def total(ranges: Sequence[ByteRange]) -> int:
    """How many bytes these are; they do not overlap."""
    return sum(item.size for item in ranges)
