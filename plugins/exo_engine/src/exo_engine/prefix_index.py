"""Which snapshot begins as a new sequence does. Pure: it knows token ids and names of snapshots.

Prompts and replies are kept alike, least recently used out first. Where caches can be trimmed, a snapshot serves every
sequence that begins as it does, for as far as they agree; where they cannot, only those that begin with all of it.
"""

from __future__ import annotations

from array import array
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import final

_TOKEN_BYTES = array("Q").itemsize
SHORTEST = 8
"""Fewer tokens than this are computed again sooner than taken over."""
MOST_KEPT = 256
"""Looking through so many takes well under a millisecond."""


@dataclass(frozen=True)
class Kept:
    """A snapshot and the tokens its caches hold, packed, because slices of bytes compare at the speed of memory."""

    snapshot: int
    packed: bytes
    exact: bool = False
    """Whether nothing of what its caches hold was rounded on a link."""

    @property
    def length(self) -> int:
        """In tokens."""
        return len(self.packed) // _TOKEN_BYTES


@dataclass(frozen=True)
class Match:
    """The first `length` tokens of a sequence are the first of what is kept."""

    kept: Kept
    length: int

    @property
    def is_whole(self) -> bool:
        """Whether nothing of it has to be trimmed."""
        return self.length == self.kept.length


@final
class PrefixIndex:
    """All snapshots; `tokens` are what they hold together, at most `most_tokens` where that is given."""

    def __init__(self, *, trimmable: bool, most_tokens: int | None = None) -> None:
        self.trimmable = trimmable
        self._most_tokens = most_tokens
        self._kept: OrderedDict[int, Kept] = OrderedDict()
        self.tokens = 0

    def __len__(self) -> int:
        """How many snapshots there are."""
        return len(self._kept)

    @property
    def lengths(self) -> Mapping[int, int]:
        """Tokens of each."""
        return {snapshot: kept.length for snapshot, kept in self._kept.items()}

    def find(self, tokens: Sequence[int], *, exact: bool = False) -> Match | None:
        """The longest usable beginning of `tokens` but the last, which has to be computed anyway.

        `exact`: only what is so is of use.
        """
        wanted = _pack(tokens[:-1])
        best: Match | None = None
        least = SHORTEST
        beginning = wanted[: least * _TOKEN_BYTES]
        for kept in self._kept.values():
            if least * _TOKEN_BYTES > len(wanted):
                break
            if not kept.packed.startswith(beginning) or (exact and not kept.exact):
                continue
            length = _common(kept.packed, wanted, least)
            if self.trimmable or length == kept.length:
                best, least = Match(kept, length), length + 1
                beginning = wanted[: least * _TOKEN_BYTES]
        return best

    def is_worth_keeping(self, tokens: Sequence[int], *, exact: bool = False) -> bool:
        """Whether a snapshot of these tokens would serve somebody; if another one does already, that counts as used."""
        packed = _pack(tokens)
        for kept in self._kept.values():
            serves = kept.exact or not exact
            if serves and (kept.packed == packed or (self.trimmable and kept.packed.startswith(packed))):
                self.use(kept)
                return False
        return len(tokens) >= SHORTEST

    def add(self, snapshot: int, tokens: Sequence[int], *, exact: bool = False) -> list[Kept]:
        """A new snapshot; gives those that it makes superfluous or has no place for, which are forgotten."""
        new = Kept(snapshot, _pack(tokens), exact)
        gone = [
            kept
            for kept in self._kept.values()
            if self.trimmable and new.packed.startswith(kept.packed) and (exact or not kept.exact)
        ]
        for kept in gone:
            self.remove(kept)
        self._kept[snapshot] = new
        self.tokens += new.length
        while self._is_too_full() and (oldest := self.oldest(spare=new)) is not None:
            self.remove(oldest)
            gone.append(oldest)
        return gone

    def use(self, kept: Kept) -> None:
        """It is the most recently used one."""
        self._kept.move_to_end(kept.snapshot)

    def remove(self, kept: Kept) -> None:
        """It is gone: taken over, or evicted."""
        del self._kept[kept.snapshot]
        self.tokens -= kept.length

    def _is_too_full(self) -> bool:
        return len(self) > MOST_KEPT or (self._most_tokens is not None and self.tokens > self._most_tokens)

    def oldest(self, spare: Kept | None = None) -> Kept | None:
        """The least recently used one that is not `spare`."""
        return next((kept for kept in self._kept.values() if kept is not spare), None)


def common_length(one: Sequence[int], other: Sequence[int]) -> int:
    """How many token ids both begin with."""
    return _common(_pack(one), _pack(other), 0)


def _pack(tokens: Sequence[int]) -> bytes:
    return array("Q", tokens).tobytes()


def _common(one: bytes, other: bytes, least: int) -> int:
    """How many tokens both begin with, by bisection; the first `least` are known to agree."""
    low, high = least, min(len(one), len(other)) // _TOKEN_BYTES
    while low < high:
        middle = (low + high + 1) // 2
        start, end = low * _TOKEN_BYTES, middle * _TOKEN_BYTES
        low, high = (middle, high) if one[start:end] == other[start:end] else (low, middle - 1)
    return low
