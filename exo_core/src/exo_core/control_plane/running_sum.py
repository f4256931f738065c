"""What a log amounts to, entry by entry: the state, the last fact of each origin, the holes below it.

An origin's facts enter the log in the order of their numbers. The one exception is a fact whose only disk was damaged:
whoever holds a later one may offer it past the gap, which leaves a **hole**; the missing fact is taken when somebody
brings it after all. Holes follow from the entries alone, so every node knows the same.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import final

from exo_core.event_logs import Snapshot
from exo_core.identifiers import NO_EPOCH, Epoch, Origin
from exo_core.log.payloads import decode_event
from exo_core.state.apply import apply, apply_all
from exo_core.state.events import Entry, Event, FactId, NodeJoined, NodeLeft, NodeStarted
from exo_core.state.state import State
from exo_core.wire.codec import decode_model

WIDEST_HOLE = 4096
"""Facts that may be missing in a row; an offer past a wider gap is nonsense."""


@dataclass(frozen=True)
class Point:
    """The sum of the first `length` entries.

    `members_changed_at` is the last entry that changed who is a member, `unreduced` are those that this version cannot
    reduce.
    """

    length: int
    state: State
    last_seqs: Mapping[Origin, int]
    holes: frozenset[tuple[Origin, int]]
    last_epoch: Epoch
    members_changed_at: int
    unreduced: tuple[Entry, ...] = ()


NOTHING = Point(0, State(), {}, frozenset(), NO_EPOCH, 0)


@final
class RunningSum:
    """Grows by one entry at a time, from a point."""

    def __init__(self, point: Point) -> None:
        self.length = point.length
        self.state = point.state
        self.last_seqs: dict[Origin, int] = dict(point.last_seqs)
        self.holes = set(point.holes)
        self.last_epoch = point.last_epoch
        self.members_changed_at = point.members_changed_at
        self.unreduced = point.unreduced

    def add(self, entry: Entry, event: Event | None) -> None:
        """The next entry; `event` None: this version does not know it."""
        self.length += 1
        self.last_epoch = entry.epoch
        if isinstance(entry.event_id, FactId):
            self.count(entry.event_id)
        if event is None:
            self.unreduced = (*self.unreduced, entry)
            return
        before, self.state = self.state, apply(self.state, event)
        if (
            isinstance(event, NodeJoined | NodeLeft | NodeStarted)
            and before.members.keys() != self.state.members.keys()
        ):
            self.members_changed_at = self.length

    def lacks(self, event_id: FactId, *, past_gap: bool = False) -> bool:
        """Whether this fact is the next of its origin, fills a hole, or (`past_gap`) comes after a gap."""
        last = self.last_seqs.get(event_id.origin, 0)
        furthest = last + WIDEST_HOLE if past_gap else last + 1
        return last < event_id.seq <= furthest or (event_id.origin, event_id.seq) in self.holes

    def holds(self, event_id: FactId) -> bool:
        """Whether the log has this fact."""
        covered = event_id.seq <= self.last_seqs.get(event_id.origin, 0)
        return covered and (event_id.origin, event_id.seq) not in self.holes

    def count(self, event_id: FactId) -> None:
        """Only that this fact is there, not what it does."""
        origin, seq = event_id.origin, event_id.seq
        last = self.last_seqs.get(origin, 0)
        if seq > last:
            self.holes.update((origin, missing) for missing in range(max(last + 1, seq - WIDEST_HOLE), seq))
            self.last_seqs[origin] = seq
        else:
            self.holes.discard((origin, seq))

    def point(self) -> Point:
        """The sum as it is now, to come back to."""
        return Point(
            self.length,
            self.state,
            dict(self.last_seqs),
            frozenset(self.holes),
            self.last_epoch,
            self.members_changed_at,
            self.unreduced,
        )


def point_of(snapshot: Snapshot) -> Point:
    """The sum that a snapshot records; events that its writer did not know and we do are added. Raises `WireError`."""
    decoded = [(entry, decode_event(entry.payload)) for entry in snapshot.unreduced]
    return Point(
        snapshot.index,
        apply_all(decode_model(State, snapshot.state), [event for _, event in decoded if event is not None]),
        dict(snapshot.last_seqs),
        frozenset(snapshot.holes),
        snapshot.last_epoch,
        snapshot.index,
        tuple(entry for entry, event in decoded if event is None),
    )
