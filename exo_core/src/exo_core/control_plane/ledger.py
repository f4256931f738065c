"""The log together with what it amounts to: the state, the last fact of each origin, and this node's outbox.

Entries are staged first, which changes the state in memory, and committed together in one durable transaction; nothing
that depends on them may be sent before `commit` returned.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import final

from exo_core.control_plane.recent_entries import RecentEntries
from exo_core.control_plane.running_sum import NOTHING, Point, RunningSum, point_of
from exo_core.control_plane.snapshots import not_covered, snapshot_of, would_forget
from exo_core.errors import LogError, WireError
from exo_core.event_logs import EventLog, Snapshot
from exo_core.identifiers import Epoch, Origin
from exo_core.log.chain import make_entry
from exo_core.log.outbox import after_cut, facts_of, without_known
from exo_core.log.payloads import decode_event, encode_event
from exo_core.state.events import DerivedId, Entry, Event, EventId, Fact, FactId, Offer
from exo_core.state.state import State
from exo_core.wire.codec import encode_model

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


@final
class Ledger:
    """One node's copy of the log. Raises what its `EventLog` raises."""

    def __init__(self, log: EventLog, replayed: Callable[[Applied], None] | None = None) -> None:
        """`replayed` is told every entry that the log holds already."""
        self._log = log
        self._staged: list[Applied] = []
        self._spent: dict[Origin, int] = {}
        self._points = [_base(log)]
        self._hashes: dict[int, bytes] = {}
        self._recent = RecentEntries(log.length)
        self._rewind(log.length, replayed)

    @property
    def length(self) -> int:
        """Entries, staged ones included."""
        return self._sum.length

    @property
    def state(self) -> State:
        """What they amount to."""
        return self._sum.state

    @property
    def last_seqs(self) -> Mapping[Origin, int]:
        """The number of the last fact of each origin."""
        return self._sum.last_seqs

    @property
    def last_epoch(self) -> Epoch:
        """Of the last entry."""
        return self._sum.last_epoch

    @property
    def members_changed_at(self) -> int:
        """The last entry that changed who is a member."""
        return self._sum.members_changed_at

    @property
    def chain(self) -> bytes:
        """The chain at `length`."""
        return self._staged[-1].entry.chain if self._staged else self.chain_at(self._log.length) or b""

    @property
    def outbox(self) -> Sequence[Offer]:
        """Facts that the log does not hold."""
        return self._log.outbox

    @property
    def damage(self) -> str | None:
        """What of the log was lost and is not fetched again yet."""
        return self._log.damage

    def mended(self) -> None:
        """All of it is here again."""
        self._log.mended()

    def salvaged(self) -> Iterator[tuple[Origin, Event | None]]:
        """Facts that wait in the outbox, with their origins."""
        for offer in self.outbox:
            yield offer.event_id.origin, decode_event(offer.payload)

    def try_disk(self) -> None:
        """Write something that changes nothing. Raises `LogFull`."""
        self._log.set_epoch(self._log.epoch)

    def chain_at(self, index: int) -> bytes | None:
        """The chain after a committed entry; None when it is compacted away or beyond the end."""
        return self._log.chain_at(index)

    def first_index(self) -> int:
        """The first entry still held."""
        return self._log.first_index

    def is_recent(self, after: int) -> bool:
        """Whether what follows that entry can be read without the disk."""
        return self._recent.read(after, 0) is not None

    def read(self, after: int, limit: int) -> Sequence[Entry]:
        """Committed entries; those that were added lately need not be read from the disk."""
        recent = self._recent.read(after, limit)
        return self._log.read(after, limit) if recent is None else recent

    # adding ------------------------------------------------------------------------------------------------

    def next_seq(self, origin: Origin) -> int:
        """The number of that origin's next fact, those in the outbox counted, and those that a damaged log lost."""
        return max(self._last_seq(origin), *self._waiting(origin), 0) + 1

    def awaits_turn(self, origin: Origin) -> bool:
        """Whether facts of that origin wait in the outbox: a new one must not overtake them."""
        return any(seq > self.last_seqs.get(origin, 0) for seq in self._waiting(origin))

    def spent(self, origin: Origin) -> int:
        """The highest number of that origin that was ever written here."""
        return self._spent.get(origin, 0)

    def spend(self, origin: Origin, last_seq: int) -> None:
        """Numbers up to that one were given, and may be known to others, whatever this log says."""
        self._spent[origin] = max(last_seq, self._spent.get(origin, 0))

    def _last_seq(self, origin: Origin) -> int:
        return max(self.last_seqs.get(origin, 0), self._spent.get(origin, 0))

    def _waiting(self, origin: Origin) -> list[int]:
        return [offer.event_id.seq for offer in self.outbox if offer.event_id.origin == origin]

    def stage_fact(self, epoch: Epoch, origin: Origin, fact: Fact) -> int:
        """A fact of this node, which leads. Its number at that origin."""
        if self.awaits_turn(origin):
            message = f"a fact of {origin} waits in the outbox and would be passed over"
            raise LogError(message)
        seq = self._last_seq(origin) + 1
        self._stage(epoch, FactId(origin=origin, seq=seq), encode_event(fact), fact)
        return seq

    def stage_derived(self, epoch: Epoch, number: int, event: Event) -> None:
        """A conclusion of this node, which leads."""
        self._stage(epoch, DerivedId(epoch=epoch, n=number), encode_event(event), event)

    def stage_offer(self, epoch: Epoch, offer: Offer, *, past_gap: bool = False) -> bool:
        """A fact that was offered, skipped when it is known. False when its origin's earlier facts are missing.

        `past_gap`: nobody who offers it has those any more, so it is taken without them.
        """
        if self._sum.lacks(offer.event_id, past_gap=past_gap):
            self._stage(epoch, offer.event_id, offer.payload, decode_event(offer.payload))
            return True
        return self._sum.holds(offer.event_id)

    def stage_entries(self, entries: Iterable[Entry]) -> None:
        """Entries of the master's log, checked to continue this one."""
        for entry in entries:
            self._take(entry, decode_event(entry.payload))

    def commit(self) -> Sequence[Applied]:
        """Make durable what was staged, with the outbox that follows from it. When that fails, nothing was staged."""
        staged, self._staged = self._staged, []
        if not staged:
            return ()
        outbox = without_known(self.outbox, self._sum.holds)
        try:
            self._log.append(
                [item.entry for item in staged],
                expected_length=self._log.length,
                outbox=outbox if len(outbox) != len(self.outbox) else None,
            )
        except BaseException:
            self._rewind(self._log.length)
            raise
        self._recent.extend(item.entry for item in staged)
        for item in staged:
            if isinstance(item.entry.event_id, FactId):
                self.spend(item.entry.event_id.origin, item.entry.event_id.seq)
        return staged

    def discard(self) -> None:
        """Forget what was staged."""
        if self._staged:
            self._staged = []
            self._rewind(self._log.length)

    def put_in_outbox(self, origin: Origin, facts: Sequence[Fact]) -> Sequence[FactId]:
        """Keep facts of this node, which does not lead, until the log holds them. Their ids."""
        first = self.next_seq(origin)
        offers = [
            Offer(event_id=FactId(origin=origin, seq=first + place), payload=encode_event(fact))
            for place, fact in enumerate(facts)
        ]
        self._log.set_outbox((*self.outbox, *offers))
        self.spend(origin, first + len(facts) - 1)
        return [offer.event_id for offer in offers]

    def lost(self, event_id: FactId) -> bool:
        """Whether this node has that fact nowhere: neither in the log nor in the outbox."""
        return not self._sum.holds(event_id) and all(offer.event_id != event_id for offer in self.outbox)

    def cut(self, to_length: int) -> None:
        """Cut the log; the facts that were cut are in the outbox from the same moment on."""
        self._log.rollback(to_length, outbox=after_cut(self._held(to_length), self.outbox))
        self._recent = RecentEntries(to_length)
        self._rewind(to_length)

    # snapshots ---------------------------------------------------------------------------------------------

    def summary(self, at_most: int, everywhere: int) -> Snapshot:
        """A snapshot at the newest point not beyond `at_most` that this node remembers."""
        point = max((item for item in self._points if item.length <= at_most), key=_length, default=self._points[0])
        known = max(self._points[0].length, min(everywhere, point.length))
        entries = self._held(known, point.length)
        return snapshot_of(point, self.chain_at(point.length) or b"", self._log.snapshot, entries, everywhere)

    def compact(self, at_most: int, everywhere: int, *, at_least: int) -> int | None:
        """Replace entries up to a point not beyond `at_most` by a snapshot if that frees `at_least`; up to where."""
        newest = max((point.length for point in self._points if point.length <= at_most), default=0)
        if newest - self._points[0].length < at_least:
            return None
        self._log.install_snapshot(self.summary(newest, everywhere))
        self._points = [point for point in self._points if point.length >= newest]
        return newest

    def install(self, snapshot: Snapshot) -> None:
        """Take over another's snapshot. Facts of ours that it does not cover are in the outbox from then on.

        Entries of ours that continue it are kept. Raises `WireError` when it cannot be read by this version.
        """
        outbox = not_covered(self._sum_with(snapshot), self._facts_held())
        self._log.install_snapshot(snapshot, outbox=outbox)
        self._recent = RecentEntries(self._log.length)
        self._points, self._hashes = [point_of(snapshot)], {}
        self._rewind(self._log.length)

    def would_forget(self, snapshot: Snapshot) -> bool:
        """Whether a fact that a snapshot here sums up would be gone with this one in its place."""
        return would_forget(self._sum, self._sum_with(snapshot), self._facts_held())

    def _sum_with(self, snapshot: Snapshot) -> RunningSum:
        """Which facts the log would hold with that snapshot: entries here that continue it are kept."""
        sums = RunningSum(point_of(snapshot))
        if self.chain_at(snapshot.index) == snapshot.chain:
            for offer in facts_of(self._held(snapshot.index)):
                sums.count(offer.event_id)
        return sums

    def _facts_held(self) -> Sequence[Offer]:
        """All facts that this node can still offer."""
        earlier = self._log.snapshot
        compacted = [offer for _, offer in earlier.facts] if earlier is not None else []
        return (*compacted, *facts_of(self._held(self.first_index() - 1)), *self.outbox)

    # agreeing ----------------------------------------------------------------------------------------------

    def newest_point(self) -> int:
        """The newest entry up to which `hash_at` can tell the state."""
        return self._points[-1].length

    def hash_at(self, index: int) -> bytes | None:
        """SHA-256 over the canonical state after entry `index`; None when that state is not remembered."""
        if index not in self._hashes:
            found = next((point for point in self._points if point.length == index), None)
            if found is None:
                return None
            self._hashes[index] = sha256(encode_model(found.state)).digest()
        return self._hashes[index]

    def recompute(self) -> None:
        """Sum up everything again from the beginning, or the snapshot; what is staged stays so."""
        staged, self._staged = self._staged, []
        self._points, self._hashes = [_base(self._log)], {}
        self._rewind(self._log.length)
        for item in staged:
            self._take(item.entry, item.event)

    # the sum -----------------------------------------------------------------------------------------------

    def _held(self, after: int, until: int | None = None) -> list[Entry]:
        """Committed entries after one and up to another."""
        end = self._log.length if until is None else until
        held: list[Entry] = []
        while after + len(held) < end:
            held.extend(self.read(after + len(held), min(READ_BATCH, end - after - len(held))))
        return held

    def _stage(self, epoch: Epoch, event_id: EventId, payload: bytes, event: Event | None) -> None:
        self._take(make_entry(self.chain, epoch, event_id, payload), event)

    def _take(self, entry: Entry, event: Event | None) -> None:
        self._sum.add(entry, event)
        self._staged.append(Applied(self._sum.length, entry, event, self._sum.state))
        self._checkpoint()

    def _checkpoint(self) -> None:
        """Remember the sum now and then, so that a cut need not begin at the beginning."""
        length = self._sum.length
        if length % CHECKPOINT_EVERY == 0 and length > self._points[-1].length:
            self._points.append(self._sum.point())
            if len(self._points) > CHECKPOINTS:
                self._hashes.pop(self._points[1].length, None)
                del self._points[1]

    def _rewind(self, length: int, replayed: Callable[[Applied], None] | None = None) -> None:
        """Sum up again to `length`, from the nearest point before it."""
        self._points = [self._points[0], *(point for point in self._points[1:] if point.length <= length)]
        self._hashes = {index: value for index, value in self._hashes.items() if index <= length}
        self._sum = RunningSum(self._points[-1])
        while self._sum.length < length:
            for entry in self._log.read(self._sum.length, min(READ_BATCH, length - self._sum.length)):
                event = decode_event(entry.payload)
                self._sum.add(entry, event)
                self._checkpoint()
                if replayed is not None:
                    replayed(Applied(self._sum.length, entry, event, self._sum.state))


def _base(log: EventLog) -> Point:
    """What precedes the first entry held: nothing, or a snapshot."""
    if log.snapshot is None:
        return NOTHING
    try:
        return point_of(log.snapshot)
    except WireError as problem:
        message = "the log's snapshot was written by a newer exo; run that one, or a newer one, on this machine"
        raise LogError(message) from problem


def _length(point: Point) -> int:
    return point.length
