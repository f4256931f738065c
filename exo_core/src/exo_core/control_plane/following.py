"""A follower's part in replication: take the master's entries, cut what differs, never lose a fact.

| the frame                                          | the follower                                              |
|----------------------------------------------------|-----------------------------------------------------------|
| is older than the last of this epoch               | drops it                                                  |
| follows an entry that is not in the log here       | answers `Mismatch` with points of its log                 |
| repeats entries that are here                      | skips them                                                |
| differs from an entry here                         | cuts there (facts go to the outbox), takes the frame's    |
| ends the master's log where ours goes on           | cuts there                                                |
| was taken, and is on the disk                      | answers `Replicated`                                      |
| brought all that the master has                    | and was damaged: it is mended (a heartbeat says so, too)  |
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import final

from exo_core.control_plane.extent import Extent
from exo_core.control_plane.ledger import Applied, Ledger
from exo_core.control_plane.messages import Mismatch, Probe, Replicate, Replicated
from exo_core.election.messages import LogMark
from exo_core.identifiers import NO_EPOCH, Epoch
from exo_core.log.chain import continues
from exo_core.state.events import Entry


@final
class Following:
    """What a node knows as a follower; reset by nothing but newer frames."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self._newest: tuple[Epoch, int] = (NO_EPOCH, 0)
        self.extent = Extent()

    def receive(self, frame: Replicate) -> tuple[Replicated | Mismatch | None, int | None, Sequence[Applied]]:
        """A frame of the present master: the answer, the length the log was cut to (None: not), and what was added."""
        if (frame.epoch, frame.link_sequence) <= self._newest:
            return None, None, ()
        self._newest = (frame.epoch, frame.link_sequence)
        if self._ledger.chain_at(frame.previous.index) != frame.previous.chain:
            return self.where(frame.epoch), None, ()
        if not continues(frame.previous.chain, frame.entries):
            return None, None, ()
        known = self._known(frame)
        cut_to = self._cut(frame, known)
        self._ledger.stage_entries(frame.entries[known:])
        added = self._ledger.commit()
        agreed = frame.previous.index + len(frame.entries)
        known_to = self.extent.up_to(self._ledger.length if cut_to is None else cut_to)
        self.extent = known_to.grown_by(Extent.of(frame).up_to(agreed))
        if agreed == frame.length:
            self._mend(up_to=agreed)
        return Replicated(epoch=frame.epoch, length=agreed), cut_to, added

    def where(self, epoch: Epoch) -> Mismatch:
        """Where this log stands now, so that the master can go on from there."""
        return Mismatch(epoch=epoch, probes=probes_of(self._ledger))

    def hear(self, mark: LogMark) -> None:
        """The master's heartbeat: what it calls safe is safe here if our logs are one."""
        if self._ledger.chain_at(mark.length) == mark.chain:
            self.extent = self.extent.grown_by(Extent.of(mark))
            self._mend(up_to=mark.length)

    def _mend(self, up_to: int) -> None:
        """The log here is the master's up to there: once that is all of both, nothing that was lost is missing."""
        if self._ledger.damage is not None and up_to == self._ledger.length:
            self._ledger.mended()

    def _known(self, frame: Replicate) -> int:
        """How many of the frame's entries are here already."""
        for place, entry in enumerate(frame.entries):
            if self._ledger.chain_at(frame.previous.index + 1 + place) != entry.chain:
                return place
        return len(frame.entries)

    def _cut(self, frame: Replicate, known: int) -> int | None:
        fork = frame.previous.index + known
        keep = fork if known < len(frame.entries) else max(fork, frame.length)
        if self._ledger.length <= keep:
            return None
        self._ledger.cut(keep)
        return keep


def probes_of(ledger: Ledger) -> tuple[Probe, ...]:
    """Points of the log: its end, then 1, 2, 4, 8 … entries before it, down to the first that is known."""
    lowest = ledger.first_index() - 1
    indices: list[int] = []
    step, index = 1, ledger.length
    while index > lowest:
        indices.append(index)
        index, step = index - step, step * 2
    indices.append(lowest)
    return tuple(Probe(index=index, chain=chain) for index in indices if (chain := ledger.chain_at(index)) is not None)


def common_point(ledger: Ledger, probes: Sequence[Probe]) -> Probe | None:
    """The highest of somebody's points that lies on the log here; None when none does."""
    agreed = [probe for probe in probes if ledger.chain_at(probe.index) == probe.chain]
    return max(agreed, key=lambda probe: probe.index, default=None)


def frame_of(entries: Sequence[Entry], limit_bytes: int) -> tuple[Entry, ...]:
    """As many entries from the front as go into one frame, at least one."""
    taken, size = 0, 0
    for entry in entries:
        size += len(entry.payload)
        if taken and size > limit_bytes:
            break
        taken += 1
    return tuple(entries[:taken])
