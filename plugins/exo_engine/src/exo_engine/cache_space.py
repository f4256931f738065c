"""Who holds which part of the stages' caches: open sequences what they reserved, snapshots the rest.

Snapshots give way to sequences, least recently used first. What a sequence shares with a snapshot is counted twice,
for it becomes two as soon as one of them writes.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import final

from exo_engine.cache_budget import CacheBudget, Cost
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

    def __init__(self, budget: CacheBudget, index: PrefixIndex, *, growth: int = 0) -> None:
        """`growth`: tokens by which those that are open must be able to grow when another one begins."""
        self._budget = budget
        self.index = index
        self._growth_tokens = growth
        self._number = 0
        """Of those that are open."""
        self._open = budget.nothing
        self._growth = budget.nothing
        """What it costs to let all that are open grow once."""
        self._kept = budget.nothing
        self._is_bounded = True
        """Whether one that is alone may not exceed the limits either."""

    @property
    def is_overfull(self) -> bool:
        """Whether several are open that have no room together."""
        return self._number > 1 and not self._budget.holds(self._open)

    @property
    def holds_what_is_open(self) -> bool:
        """Whether nothing exceeds the limits."""
        return self._budget.holds(self._open)

    def bound(self) -> None:
        """From now on nothing may exceed them. It does not now."""
        self._is_bounded = True

    def change(self, budget: CacheBudget, opened: Iterable[SequenceState]) -> list[Kept]:
        """Other limits hold from now on; gives what is evicted. `opened` are those that are open.

        One that is alone may exceed them, for it was taken when there was more, until `bound` says that none may.
        """
        self._budget, self._number, self._is_bounded = budget, 0, False
        self._open = self._growth = budget.nothing
        for sequence in opened:
            self._count(sequence.reserved, sequence)
        self._kept = sum(map(budget.cost, self.index.lengths.values()), budget.nothing)
        return self._make_room(budget.nothing, None)

    def begin(self, sequence: SequenceState, tokens: int) -> Beginning | None:
        """Reserve room for a new sequence, with the longest beginning that is kept.

        A snapshot that has no room beside it would have to be evicted: it is taken, and cut to what both begin with.

        None, with nothing changed: there is no room for it and the growth of the others.
        """
        cost = self._budget.cost(tokens)
        if not self._has_room(self._open + self._growth + cost, is_alone=not self._number):
            return None
        match = self.index.find(sequence.tokens, exact=sequence.exact) if sequence.wants == "tokens" else None
        start = None
        if match is not None:
            take = _may_take(sequence, match) or not self._holds_beside(match.kept, cost)
            (self._forget if take else self.index.use)(match.kept)
            start = Start(snapshot=match.kept.snapshot, length=match.length, take=take)
        spare = match.kept if match is not None else None
        evicted = self._make_room(cost, spare)
        self._count(tokens, sequence)
        return Beginning(start, evicted)

    def grow(self, sequence: SequenceState, tokens: int) -> list[Kept] | None:
        """Let an open sequence hold so many; gives what is evicted. None, with nothing changed: there is no room."""
        more = self._budget.cost(tokens) - self._budget.cost(sequence.reserved)
        if not self._has_room(self._open + more, is_alone=self._number == 1):
            return None
        evicted = self._make_room(more, None)
        self.release(sequence)
        self._count(tokens, sequence)
        return evicted

    def release(self, sequence: SequenceState) -> None:
        """It is closed."""
        self._number -= 1
        self._open -= self._budget.cost(sequence.reserved)
        self._growth -= self._growth_of(sequence.reserved)

    def keep(self, snapshot: int, sequence: SequenceState) -> list[Kept] | None:
        """Keep what a sequence holds; gives what is evicted, or None if it is of no use or there is no room."""
        tokens = sequence.tokens[: sequence.scheduled]
        cost = self._budget.cost(len(tokens))
        is_wanted = self.index.is_worth_keeping(tokens, exact=sequence.exact)
        if not is_wanted or not self._budget.holds(self._open + cost):
            return None
        evicted = self._make_room(cost, None)
        superfluous = self.index.add(snapshot, tokens, exact=sequence.exact)
        self._kept += cost
        for kept in superfluous:
            self._kept -= self._budget.cost(kept.length)
        return evicted + superfluous

    def _count(self, tokens: int, sequence: SequenceState) -> None:
        sequence.reserved = tokens
        self._number += 1
        self._open += self._budget.cost(tokens)
        self._growth += self._growth_of(tokens)

    def _growth_of(self, tokens: int) -> Cost:
        return self._budget.cost(tokens + self._growth_tokens) - self._budget.cost(tokens)

    def _has_room(self, cost: Cost, *, is_alone: bool) -> bool:
        return (is_alone and not self._is_bounded) or self._budget.holds(cost)

    def _holds_beside(self, kept: Kept, cost: Cost) -> bool:
        return self._budget.holds(self._open + cost + self._budget.cost(kept.length))

    def _forget(self, kept: Kept) -> None:
        self.index.remove(kept)
        self._kept -= self._budget.cost(kept.length)

    def _make_room(self, cost: Cost, spare: Kept | None) -> list[Kept]:
        """Evict what has no room beside it, and what does not begin alike (`spare`), as far as there is something."""
        evicted: list[Kept] = []
        while not self._budget.holds(self._open + cost + self._kept) and (oldest := self.index.oldest(spare)):
            self._forget(oldest)
            evicted.append(oldest)
        return evicted


def _may_take(sequence: SequenceState, match: Match) -> bool:
    """Whether it may use a snapshot up: it continues all of it, and nobody behind it wants to begin alike."""
    return match.is_whole and (not sequence.has_siblings or match.length < len(sequence.tokens) - 1)
