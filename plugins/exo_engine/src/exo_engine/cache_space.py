"""Who holds which part of the stages' caches: open sequences what they reserved, snapshots the rest.

Snapshots give way to sequences, least recently used first. What a sequence shares with a snapshot is counted twice,
for it becomes two as soon as one of them writes.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import final

from exo_engine.cache_budget import CacheBudget
from exo_engine.prefix_index import Kept, Match, PrefixIndex
from exo_engine.sequence import SequenceState
from exo_engine.steps import Start


@dataclass(frozen=True)
class Beginning:
    """What a sequence starts from, and which snapshots have to be evicted before."""

    start: Start | None
    evicted: list[Kept]


@final
class CacheSpace:
    """A ledger. Whatever it gives as evicted is forgotten here and must be evicted on the stages."""

    def __init__(self, budget: CacheBudget, index: PrefixIndex) -> None:
        self._budget = budget
        self.index = index
        self._holders = 0
        self._tokens = 0

    def begin(self, sequence: SequenceState, tokens: int, *, spare_tokens: int = 0) -> Beginning | None:
        """Reserve room for a new sequence, with the longest beginning that is kept.

        A snapshot that has no room beside it would have to be evicted: it is taken, and cut to what both begin with.

        None, with nothing changed: there is no room for it and as many tokens more as are to be spared.
        """
        if not self._budget.holds(self._holders + 1, self._tokens + tokens + spare_tokens):
            return None
        match = self.index.find(sequence.tokens) if sequence.wants == "tokens" else None
        start = None
        if match is not None:
            take = _may_take(sequence, match) or not self._holds_both(match.kept, tokens)
            (self.index.remove if take else self.index.use)(match.kept)
            start = Start(snapshot=match.kept.snapshot, length=match.length, take=take)
        spare = match.kept if match is not None else None
        evicted = self._make_room(1, tokens, spare)
        self._holders += 1
        self._tokens += tokens
        sequence.reserved = tokens
        return Beginning(start, evicted)

    def grow(self, sequence: SequenceState, tokens: int) -> list[Kept] | None:
        """Let an open sequence hold so many; gives what is evicted. None, with nothing changed: there is no room."""
        more = tokens - sequence.reserved
        if not self._budget.holds(self._holders, self._tokens + more):
            return None
        evicted = self._make_room(0, more, None)
        self._tokens += more
        sequence.reserved = tokens
        return evicted

    def release(self, sequence: SequenceState) -> None:
        """It is closed."""
        self._holders -= 1
        self._tokens -= sequence.reserved

    def keep(self, snapshot: int, sequence: SequenceState) -> list[Kept] | None:
        """Keep what a sequence holds; gives what is evicted, or None if it is of no use or there is no room."""
        tokens = sequence.tokens[: sequence.scheduled]
        if not self.index.is_worth_keeping(tokens) or not self._budget.holds(
            self._holders + 1, self._tokens + len(tokens)
        ):
            return None
        return self._make_room(1, len(tokens), None) + self.index.add(snapshot, tokens)

    def _holds_both(self, kept: Kept, tokens: int) -> bool:
        return self._budget.holds(self._holders + 2, self._tokens + tokens + kept.length)

    def _make_room(self, holders: int, tokens: int, spare: Kept | None) -> list[Kept]:
        evicted: list[Kept] = []
        while not self._budget.holds(
            self._holders + holders + len(self.index), self._tokens + tokens + self.index.tokens
        ):
            oldest = self.index.oldest(spare)
            assert oldest is not None  # noqa: S101  # that it fits without snapshots was asked before
            self.index.remove(oldest)
            evicted.append(oldest)
        return evicted


def _may_take(sequence: SequenceState, match: Match) -> bool:
    """Whether it may use a snapshot up: it continues all of it, and nobody behind it wants to begin alike."""
    return match.is_whole and (not sequence.has_siblings or match.length < len(sequence.tokens) - 1)
