"""The end of the log, kept in memory: a master reads each entry once for every follower just after it was written."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import final

from exo_core.state.events import Entry

KEPT = 2048


@final
class RecentEntries:
    """Entries after `start`; the oldest go when there are twice as many as are to be kept."""

    def __init__(self, start: int) -> None:
        self._start = start
        self._entries: list[Entry] = []

    def extend(self, entries: Iterable[Entry]) -> None:
        """Those that follow."""
        self._entries.extend(entries)
        surplus = len(self._entries) - KEPT
        if surplus >= KEPT:
            del self._entries[:surplus]
            self._start += surplus

    def read(self, after: int, limit: int) -> Sequence[Entry] | None:
        """At most `limit` entries after that index; None when they are not all kept here."""
        if after < self._start:
            return None
        return self._entries[after - self._start : after - self._start + limit]
