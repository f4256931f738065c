"""A master's part in replication: bring every follower's log to its own, and know what is safe.

For each follower: it is asked where it stands (an empty frame after the master's last entry), then given what it lacks
in frames that need not wait for each other's answers; without an answer for half a second everything not acknowledged
is sent again. A follower whose log has nothing in common with what this master still holds is told to fetch a snapshot.
An entry is safe on min(2, live members) disks, or on a majority of members; settled on all of those that were seen in
the last ten minutes; everywhere on those of all members.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from typing import Literal, final

from exo_core.control_plane.extent import Extent
from exo_core.control_plane.following import common_point, frame_of
from exo_core.control_plane.ledger import Ledger
from exo_core.control_plane.messages import (
    BYTES_PER_FRAME,
    ENTRIES_PER_FRAME,
    BehindSnapshot,
    Mismatch,
    Probe,
    Replicate,
    Replicated,
)
from exo_core.election.messages import LogMark
from exo_core.identifiers import Epoch, NodeId

RESEND_S = 0.5
WINDOW = 4096
"""Entries that may be under way to one follower."""


@dataclass
class _Progress:
    """How far a follower is, as this master knows."""

    matched: int = 0
    sent: int | None = None  # None: it was not yet found out where it stands
    link_sequence: int = 0
    quiet_until: float = 0.0  # when to send again what was not acknowledged


@final
class Leading:
    """One reign."""

    def __init__(self, ledger: Ledger, myself: NodeId, epoch: Epoch, extent: Extent) -> None:
        self._ledger = ledger
        self._me = myself
        self.epoch = epoch
        self.extent = extent
        self.conclusions = 0
        self._progress: dict[NodeId, _Progress] = {}

    def on_replicated(self, sender: NodeId, answer: Replicated, now: float) -> None:
        """A follower's disk holds the log up to there."""
        self._matched(sender, min(answer.length, self._ledger.length), now)

    def on_mark(self, sender: NodeId, mark: LogMark, now: float) -> None:
        """A follower's heartbeat says the same when its log ends on ours; else it is asked where it stands.

        It is asked, too, when its log ends before what it once had: a disk may lose something.
        """
        if self._ledger.chain_at(mark.length) == mark.chain and mark.length >= self._of(sender).matched:
            self._matched(sender, mark.length, now)
        elif self._of(sender).sent is not None and now >= self._of(sender).quiet_until:
            self._of(sender).sent = None

    def on_mismatch(self, sender: NodeId, answer: Mismatch, now: float) -> BehindSnapshot | None:
        """Go on from the last point that both have, which is on its disk; without one, what to tell the follower."""
        common = common_point(self._ledger, answer.probes)
        progress = self._of(sender)
        if common is None:
            progress.matched, progress.sent = 0, None
            return BehindSnapshot(epoch=self.epoch, index=self._ledger.first_index() - 1)
        progress.matched = progress.sent = common.index
        progress.quiet_until = now + RESEND_S
        return None

    def _matched(self, sender: NodeId, length: int, now: float) -> None:
        progress = self._of(sender)
        if length > progress.matched:
            progress.matched = length
            progress.quiet_until = now + RESEND_S
        progress.sent = max(progress.sent or 0, length)

    def _of(self, node_id: NodeId) -> _Progress:
        return self._progress.setdefault(node_id, _Progress())

    def frames(self, peers: Collection[NodeId], now: float) -> Iterator[tuple[NodeId, Replicate]]:
        """All that is to be sent now."""
        for peer in sorted(peers):
            progress = self._of(peer)
            if now >= progress.quiet_until and progress.sent is not None and progress.matched < progress.sent:
                progress.sent = progress.matched or None
            if progress.sent is not None and progress.sent < self._ledger.first_index() - 1:
                progress.sent = None  # what it lacks was compacted meanwhile
            if progress.sent is None:
                if now >= progress.quiet_until:
                    progress.quiet_until = now + RESEND_S
                    yield peer, self._frame(progress, self._ledger.length)
                continue
            while progress.sent < min(self._ledger.length, progress.matched + WINDOW):
                if progress.sent == progress.matched:
                    progress.quiet_until = now + RESEND_S
                frame = self._frame(progress, progress.sent)
                progress.sent += len(frame.entries)
                yield peer, frame

    def _frame(self, progress: _Progress, after: int) -> Replicate:
        progress.link_sequence += 1
        entries = frame_of(self._ledger.read(after, ENTRIES_PER_FRAME), BYTES_PER_FRAME)
        return Replicate(
            epoch=self.epoch,
            link_sequence=progress.link_sequence,
            previous=Probe(index=after, chain=self._ledger.chain_at(after) or b""),
            entries=entries,
            length=self._ledger.length,
            safe=self.extent.safe,
            settled=self.extent.settled,
            everywhere=self.extent.everywhere,
        )

    def announce(self, peers: Collection[NodeId]) -> Iterator[tuple[NodeId, Replicate]]:
        """Empty frames, so that followers who have everything learn at once what became safe."""
        for peer in sorted(peers):
            progress = self._of(peer)
            if progress.sent is not None and progress.matched >= self._ledger.length:
                yield peer, self._frame(progress, self._ledger.length)

    def judge(
        self,
        members: frozenset[NodeId],
        live: frozenset[NodeId],
        recent: frozenset[NodeId],
        consistency: Literal["availability", "majority"],
    ) -> bool:
        """Find out anew how far the log has come; True when more became safe."""
        before = self.extent
        held = {node_id: self._matched_by(node_id) for node_id in members | recent | {self._me}}
        holders = members or {self._me}  # a master that leaves is none: its disk goes with it
        disks = sorted((held[node_id] for node_id in holders), reverse=True)
        need = len(members) // 2 + 1 if consistency == "majority" else max(1, min(2, len(live & holders)))
        reached = disks[need - 1] if need <= len(disks) else 0
        if reached <= before.safe or (consistency == "majority" and not self._is_mine(reached)):
            reached = before.safe
        self.extent = Extent(
            safe=reached,
            settled=max(before.settled, min(reached, *(held[node_id] for node_id in recent | {self._me}))),
            everywhere=max(before.everywhere, disks[-1]),
        )
        return reached > before.safe

    def _matched_by(self, node_id: NodeId) -> int:
        return self._ledger.length if node_id == self._me else self._of(node_id).matched

    def _is_mine(self, index: int) -> bool:
        """In `majority` only an entry of this reign proves that those before it are final."""
        if index < self._ledger.first_index():
            return False
        return self._ledger.read(index - 1, 1)[0].epoch == self.epoch
