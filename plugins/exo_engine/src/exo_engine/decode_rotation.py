"""Which of the decoding sequences go together in the next micro-batch.

Those that have waited longest, an even share of those at home and at most one of all, while fewer micro-batches than
wanted are under way. So batches grow, shrink, split and merge by themselves as sequences join and leave and the wanted
number changes, and a batch that comes home whole goes out whole again. Suspects go alone.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Collection, Iterable
from typing import final

from exo_engine.sequence import SequenceState


@final
class DecodeRotation:
    """Sequences whose next row is one token, at home (that token is known) or under way (it is being drawn)."""

    def __init__(self) -> None:
        self._members: set[SequenceState] = set()
        self._home: deque[SequenceState] = deque()
        self._under_way = 0

    def __len__(self) -> int:
        """All of them, at home and under way."""
        return len(self._members)

    @property
    def members(self) -> Collection[SequenceState]:
        """The same."""
        return self._members

    @property
    def are_some_under_way(self) -> bool:
        """Whether any are waited for."""
        return self._under_way > 0

    def join(self, sequence: SequenceState) -> None:
        """It starts to decode; its next token is known."""
        self._members.add(sequence)
        self._home.append(sequence)

    def leave(self, sequence: SequenceState) -> None:
        """It is over, or goes back to the queue."""
        if sequence in self._members:
            self._members.remove(sequence)
            if sequence in self._home:
                self._home.remove(sequence)

    def next_batch(self, batches: int, most_rows: int | None = None) -> list[SequenceState]:
        """Send the next of that many micro-batches, of `most_rows` at most, on its way; empty while none can go."""
        if self._under_way >= batches or not self._home:
            return []
        share = min(-(-len(self._members) // batches), -(-len(self._home) // (batches - self._under_way)))
        share = min(share, most_rows or share)
        self._under_way += 1
        batch = [self._home.popleft()]
        while len(batch) < share and self._home and not (batch[-1].is_suspect or self._home[0].is_suspect):
            batch.append(self._home.popleft())
        return batch

    def come_home(self, batch: Iterable[SequenceState]) -> None:
        """A micro-batch was answered."""
        self._under_way -= 1
        self._home.extend(sequence for sequence in batch if sequence in self._members)

    def clear(self) -> None:
        """The stages dropped everything."""
        self._members.clear()
        self._home.clear()
        self._under_way = 0
