"""The log together with what it amounts to: the state, the last fact of each origin, and this node's outbox.

Entries are staged first, which changes the state in memory, and committed together in one durable transaction; nothing
that depends on them may be sent before `commit` returned.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import final

from exo_core.errors import LogError
from exo_core.event_logs import EventLog
from exo_core.identifiers import NO_EPOCH, Epoch, Origin
from exo_core.log.chain import make_entry
from exo_core.log.outbox import after_cut, without_known
from exo_core.log.payloads import decode_event, encode_event
from exo_core.state.apply import apply
from exo_core.state.events import DerivedId, Entry, Event, EventId, Fact, FactId, Offer
from exo_core.state.state import State
from exo_core.wire.codec import decode_model

READ_BATCH = 1000
CHECKPOINT_EVERY = 64
CHECKPOINTS = 64


@dataclass(frozen=True)
class Applied:
    """An entry that entered the log here, its event (None: unknown to this version), and the state after it."""

    index: int
    entry: Entry
    event: Event | None
    state: State


@dataclass(frozen=True)
class _Point:
    """The sum of the first `length` entries."""

    length: int
    state: State
    last_seqs: dict[Origin, int]
    last_epoch: Epoch


@final
class Ledger:
    """One node's copy of the log. Raises what its `EventLog` raises."""

    def __init__(self, log: EventLog, replayed: Callable[[Applied], None] | None = None) -> None:
        """`replayed` is told every entry that the log holds already."""
        self._log = log
        self._staged: list[Applied] = []
        self._points = [_base(log)]
        self._rewind(log.length, replayed)

    @property
    def length(self) -> int:
        """Entries, staged ones included."""
        return self._log.length + len(self._staged)

    @property
    def chain(self) -> bytes:
        """The chain at `length`."""
        return self._staged[-1].entry.chain if self._staged else self.chain_at(self._log.length) or b""

    @property
    def outbox(self) -> Sequence[Offer]:
        """Facts that the log does not hold."""
        return self._log.outbox

    def chain_at(self, index: int) -> bytes | None:
        """The chain after a committed entry; None when it is compacted away or beyond the end."""
        return self._log.chain_at(index)

    def first_index(self) -> int:
        """The first entry still held."""
        return self._log.first_index

    def read(self, after: int, limit: int) -> Sequence[Entry]:
        """Committed entries."""
        return self._log.read(after, limit)

    # adding ------------------------------------------------------------------------------------------------

    def next_seq(self, origin: Origin) -> int:
        """The number of that origin's next fact, those in the outbox counted."""
        waiting = [offer.event_id.seq for offer in self.outbox if offer.event_id.origin == origin]
        return max(self.last_seqs.get(origin, 0), *waiting, 0) + 1

    def stage_fact(self, epoch: Epoch, origin: Origin, fact: Fact) -> int:
        """A fact of this node, which leads. The index it gets."""
        seq = self.last_seqs.get(origin, 0) + 1
        if seq != self.next_seq(origin):
            message = f"fact {seq} of {origin} waits in the outbox and would be passed over"
            raise LogError(message)
        event_id = FactId(origin=origin, seq=seq)
        return self._stage(epoch, event_id, encode_event(fact), fact)

    def stage_derived(self, epoch: Epoch, number: int, event: Event) -> int:
        """A conclusion of this node, which leads. The index it gets."""
        return self._stage(epoch, DerivedId(epoch=epoch, n=number), encode_event(event), event)

    def stage_offer(self, epoch: Epoch, offer: Offer) -> bool:
        """A fact that was offered; False when its origin's earlier facts are missing. One that is known is skipped."""
        last = self.last_seqs.get(offer.event_id.origin, 0)
        if offer.event_id.seq == last + 1:
            self._stage(epoch, offer.event_id, offer.payload, decode_event(offer.payload))
        return offer.event_id.seq <= last + 1

    def stage_entries(self, entries: Iterable[Entry]) -> None:
        """Entries of the master's log, checked to continue this one."""
        for entry in entries:
            self._take(entry, decode_event(entry.payload))

    def commit(self) -> Sequence[Applied]:
        """Make durable what was staged, with the outbox that follows from it. When that fails, nothing was staged."""
        staged, self._staged = self._staged, []
        if not staged:
            return ()
        outbox = without_known(self.outbox, self.last_seqs)
        try:
            self._log.append(
                [item.entry for item in staged],
                expected_length=self._log.length,
                outbox=outbox if len(outbox) != len(self.outbox) else None,
            )
        except BaseException:
            self._rewind(self._log.length)
            raise
        return staged

    def put_in_outbox(self, origin: Origin, facts: Sequence[Fact]) -> Sequence[FactId]:
        """Keep facts of this node, which does not lead, until the log holds them. Their ids."""
        first = self.next_seq(origin)
        offers = [
            Offer(event_id=FactId(origin=origin, seq=first + place), payload=encode_event(fact))
            for place, fact in enumerate(facts)
        ]
        self._log.set_outbox((*self.outbox, *offers))
        return [offer.event_id for offer in offers]

    def cut(self, to_length: int) -> None:
        """Cut the log; the facts that were cut are in the outbox from the same moment on."""
        cut: list[Entry] = []
        while to_length + len(cut) < self._log.length:
            cut.extend(self._log.read(to_length + len(cut), READ_BATCH))
        self._log.rollback(to_length, outbox=after_cut(cut, self.outbox))
        self._rewind(to_length)

    # the sum -----------------------------------------------------------------------------------------------

    def _stage(self, epoch: Epoch, event_id: EventId, payload: bytes, event: Event | None) -> int:
        self._take(make_entry(self.chain, epoch, event_id, payload), event)
        return self.length

    def _take(self, entry: Entry, event: Event | None) -> None:
        self._sum(entry, event)
        self._staged.append(Applied(self.length + 1, entry, event, self.state))
        self._checkpoint(self.length)

    def _sum(self, entry: Entry, event: Event | None) -> None:
        self.last_epoch = entry.epoch
        if isinstance(entry.event_id, FactId):
            self.last_seqs[entry.event_id.origin] = entry.event_id.seq
        if event is not None:
            self.state = apply(self.state, event)

    def _checkpoint(self, length: int) -> None:
        """Remember the sum now and then, so that a cut need not begin at the beginning."""
        if length % CHECKPOINT_EVERY == 0 and length > self._points[-1].length:
            self._points.append(_Point(length, self.state, dict(self.last_seqs), self.last_epoch))
            if len(self._points) > CHECKPOINTS:
                del self._points[1]

    def _rewind(self, length: int, replayed: Callable[[Applied], None] | None = None) -> None:
        """Sum up again to `length`, from the nearest point before it."""
        self._points = [self._points[0], *(point for point in self._points[1:] if point.length <= length)]
        point = self._points[-1]
        self.state: State = point.state
        self.last_seqs: dict[Origin, int] = dict(point.last_seqs)
        self.last_epoch: Epoch = point.last_epoch
        done = point.length
        while done < length:
            for entry in self._log.read(done, min(READ_BATCH, length - done)):
                event = decode_event(entry.payload)
                self._sum(entry, event)
                done += 1
                self._checkpoint(done)
                if replayed is not None:
                    replayed(Applied(done, entry, event, self.state))


def _base(log: EventLog) -> _Point:
    """What precedes the first entry held: nothing, or a snapshot."""
    snapshot = log.snapshot
    if snapshot is None:
        return _Point(0, State(), {}, NO_EPOCH)
    return _Point(snapshot.index, decode_model(State, snapshot.state), dict(snapshot.last_seqs), snapshot.last_epoch)
