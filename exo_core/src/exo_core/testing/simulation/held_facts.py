"""Which facts a disk holds, in its log, its snapshot or its outbox: kept beside the log, so that it can be checked."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import final

from exo_core.event_logs import Snapshot
from exo_core.identifiers import NodeId
from exo_core.state.events import Entry, EventId, FactId, Offer

FactKey = tuple[NodeId, int, int]
"""Node, boot and number of a fact."""


def fact_key(event_id: FactId) -> FactKey:
    """The same as a plain tuple, which is quicker to look up."""
    return event_id.origin.node_id, event_id.origin.boot, event_id.seq


def event_key(event_id: EventId) -> tuple[str, int, int]:
    """The same for every event; a conclusion's first number is negative, a fact's is its boot."""
    if isinstance(event_id, FactId):
        return fact_key(event_id)
    return event_id.epoch.master_id, -event_id.epoch.term, event_id.n


@final
class HeldFacts:
    """Follows every change of one disk."""

    def __init__(self) -> None:
        self._logged: set[tuple[str, int, int]] = set()
        self._waiting: set[FactKey] = set()
        self._covered: dict[tuple[NodeId, int], int] = {}
        self._holes: set[FactKey] = set()

    def __contains__(self, key: FactKey) -> bool:
        """Whether the fact is on this disk."""
        return key in self._logged or key in self._waiting or self.covers(key)

    def logged(self, key: FactKey) -> bool:
        """Whether it is in the log here, or in what the snapshot sums up."""
        return key in self._logged or self.covers(key)

    def covers(self, key: FactKey) -> bool:
        """Whether the snapshot sums it up."""
        node_id, boot, seq = key
        return seq <= self._covered.get((node_id, boot), 0) and key not in self._holes

    def enter(self, entry: Entry) -> bool:
        """The entry enters the log; False when it is there already."""
        key = event_key(entry.event_id)
        doubled = key in self._logged or (isinstance(entry.event_id, FactId) and self.covers(fact_key(entry.event_id)))
        self._logged.add(key)
        return not doubled

    def leave(self, entries: Iterable[Entry]) -> list[FactKey]:
        """These entries leave the log; the facts among them."""
        self._logged.difference_update(event_key(entry.event_id) for entry in entries)
        return [fact_key(entry.event_id) for entry in entries if isinstance(entry.event_id, FactId)]

    def wait(self, outbox: Sequence[Offer]) -> set[FactKey]:
        """The outbox is replaced; the facts that were in it before."""
        before, self._waiting = self._waiting, {fact_key(offer.event_id) for offer in outbox}
        return before

    def summed_up(self, snapshot: Snapshot, held: Iterable[Entry]) -> list[FactKey]:
        """A snapshot replaces the log, up to the entries that are still `held`; the facts that were in it before."""
        before, self._logged = self._logged, {event_key(entry.event_id) for entry in held}
        self._covered = {(origin.node_id, origin.boot): seq for origin, seq in snapshot.last_seqs}
        self._holes = {(origin.node_id, origin.boot, seq) for origin, seq in snapshot.holes}
        return [(NodeId(node_id), boot, seq) for node_id, boot, seq in before if boot >= 0]

    def covered(self) -> list[FactKey]:
        """All facts that the snapshot sums up."""
        keys = [(*origin, seq) for origin, last in self._covered.items() for seq in range(1, last + 1)]
        return [key for key in keys if key not in self._holes]
