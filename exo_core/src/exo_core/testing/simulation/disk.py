"""A disk that fails as disks do: an `EventLog` in memory with faults, and a check after every write.

- it can be full for a while: every write raises `LogFull` and changes nothing
- the process can die in the middle of a write: before it was committed (nothing is kept) or after (all is)
- a row can turn bad: opening the log then keeps the rows before it, and the facts of the rows after it in the outbox
- its snapshot can turn bad: opening the log then keeps no entry, and the facts of its rows in the outbox
- it can be destroyed

Whatever happens, a disk that is not destroyed forgets no fact, one by one or summed up in a snapshot: each write is
checked for that, and for doubles.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Literal, Protocol, final

from exo_core.errors import LogCorrupt, LogFull
from exo_core.event_logs import Snapshot
from exo_core.identifiers import Epoch, NodeId
from exo_core.log.memory_log import MemoryLog
from exo_core.log.outbox import after_cut
from exo_core.state.events import Entry, FactId, Offer
from exo_core.testing.simulation.held_facts import FactKey, HeldFacts, fact_key
from exo_core.testing.simulation.violations import Violation

Moment = Literal["before", "after"]


class ProcessDied(BaseException):
    """The process ended in the middle of a write. Nothing may catch it but who runs the process."""


class Onlooker(Protocol):
    """Sees what happens to the disks of a cluster. Each method may raise `Violation`."""

    def written(self, disk: VirtualDisk, entries: Sequence[Entry]) -> None:
        """These entries are at the end of that disk's log from now on."""
        ...

    def cuts(self, disk: VirtualDisk, to_length: int) -> None:
        """What comes after leaves that disk's log in a moment."""
        ...

    def summed_up(self, disk: VirtualDisk) -> None:
        """That disk has another snapshot now."""
        ...


@final
class VirtualDisk:
    """One machine's."""

    def __init__(self, node_id: NodeId, onlooker: Onlooker) -> None:
        self.node_id = node_id
        self.full = False
        self.destroyed = False
        self.lost: set[FactKey] = set()
        """Facts of rows, or of a snapshot, that turned bad."""
        self.facts = HeldFacts()
        self._onlooker = onlooker
        self._log = MemoryLog()
        self._damage: str | None = None
        self._bad_row: int | None = None
        self._snapshot_is_bad = False
        self._dies: tuple[int, Moment] | None = None

    # faults -------------------------------------------------------------------------------------------------

    def make_room(self) -> None:
        """The disk is not full any more."""
        self.full = False

    def work(self) -> None:
        """No write fails from now on; a row that is bad already still is."""
        self.full, self._dies = False, None

    def die_at_write(self, number: int, moment: Moment) -> None:
        """The process dies in its `number`-th write from now on (1: the next)."""
        self._dies = (number, moment)

    def spoil(self, index: int) -> None:
        """The row of this entry is bad from now on: reading it fails, and opening the log again finds it."""
        self._bad_row = index

    def spoil_snapshot(self) -> None:
        """The snapshot is bad from now on: opening the log again finds it."""
        self._snapshot_is_bad = self.snapshot is not None

    def _lose_snapshot(self) -> None:
        """Nothing continues anything any more."""
        outbox, covered = after_cut(self.look(), self._log.outbox), self.facts.covered()
        epoch, self._log = self._log.epoch, MemoryLog()
        self._log.set_epoch(epoch)
        self._log.set_outbox(outbox)
        self.facts = HeldFacts()
        self.facts.wait(outbox)
        self.lost.update(key for key in covered if key not in self.facts)
        self._damage, self._snapshot_is_bad = "the snapshot fails its checksum", False

    def open(self) -> VirtualDisk:
        """A process starts on this disk; what was bad is found now."""
        self._dies = None
        if self._snapshot_is_bad:
            self._lose_snapshot()
        bad, self._bad_row = self._bad_row, None
        if bad is not None and self.first_index <= bad <= self.length:
            damaged, *later = self._log.read(bad - 1, self.length)
            outbox = after_cut(later, self._log.outbox)
            self._log.rollback(bad - 1, outbox=outbox)
            self._damage = f"row {bad} fails its checksum"
            if isinstance(damaged.event_id, FactId) and fact_key(damaged.event_id) not in _keys(outbox):
                self.lost.add(fact_key(damaged.event_id))
            self.facts.leave([damaged, *later])
            self.facts.wait(outbox)
        return self

    @property
    def is_spoiled(self) -> bool:
        """Whether a row or the snapshot is bad, and nobody has noticed."""
        return self._bad_row is not None or self._snapshot_is_bad

    @property
    def is_bad(self) -> bool:
        """Whether part of the log is lost, noticed or not."""
        return self._damage is not None or self.is_spoiled

    @property
    def is_sound(self) -> bool:
        """Whether there is a log here, and all of it can be read."""
        return self.length > 0 and not self.destroyed and not self.is_bad

    def __contains__(self, key: FactKey) -> bool:
        """Whether this disk holds the fact."""
        return not self.destroyed and key in self.facts

    # the contract -------------------------------------------------------------------------------------------

    @property
    def length(self) -> int:
        """Entries in the log, compacted ones included."""
        return self._log.length

    @property
    def first_index(self) -> int:
        """Index of the first entry still held."""
        return self._log.first_index

    def chain_at(self, index: int) -> bytes | None:
        """The chain after entry `index`."""
        return self._log.chain_at(index)

    def read(self, after: int, limit: int) -> Sequence[Entry]:
        """At most `limit` entries from index after + 1 on."""
        if self._bad_row is not None and after < self._bad_row <= min(after + limit, self.length):
            message = f"row {self._bad_row} fails its checksum"
            raise LogCorrupt(message)
        return self._log.read(after, limit)

    def look(self) -> Sequence[Entry]:
        """All entries that are held, for who checks: it sees bad rows as they were written."""
        return self._log.read(self.first_index - 1, self.length)

    def append(self, entries: Sequence[Entry], *, expected_length: int, outbox: Sequence[Offer] | None = None) -> None:
        """Add entries, and replace the outbox when given."""
        self._write(lambda: self._append(entries, expected_length, outbox))

    def _append(self, entries: Sequence[Entry], expected_length: int, outbox: Sequence[Offer] | None) -> None:
        self._log.append(entries, expected_length=expected_length, outbox=outbox)
        for entry in entries:
            if not self.facts.enter(entry):
                raise Violation(promise="doubled", what=f"{entry.event_id} is in the log of {self.node_id} already")
            if self.lost and isinstance(entry.event_id, FactId):
                self.lost.discard(fact_key(entry.event_id))
        if outbox is not None:
            self._keeps(self.facts.wait(outbox))
        self._onlooker.written(self, entries)

    def rollback(self, to_length: int, *, outbox: Sequence[Offer]) -> None:
        """Cut the log and replace the outbox."""
        self._write(lambda: self._rollback(to_length, outbox))

    def _rollback(self, to_length: int, outbox: Sequence[Offer]) -> None:
        self._onlooker.cuts(self, to_length)
        cut = self._log.read(to_length, self.length)
        self._log.rollback(to_length, outbox=outbox)
        self._bad_row = self._bad_row if self._bad_row is not None and self._bad_row <= to_length else None
        gone = self.facts.leave(cut)
        self._keeps([*gone, *self.facts.wait(outbox)])

    @property
    def outbox(self) -> Sequence[Offer]:
        """Facts that the log does not hold."""
        return self._log.outbox

    def set_outbox(self, offers: Sequence[Offer]) -> None:
        """Replace the outbox."""
        self._write(lambda: self._set_outbox(offers))

    def _set_outbox(self, offers: Sequence[Offer]) -> None:
        self._log.set_outbox(offers)
        self._keeps(self.facts.wait(offers))

    @property
    def epoch(self) -> Epoch:
        """The highest epoch ever set."""
        return self._log.epoch

    def set_epoch(self, epoch: Epoch) -> None:
        """Durable before it returns."""
        self._write(lambda: self._log.set_epoch(epoch))

    @property
    def snapshot(self) -> Snapshot | None:
        """The newest snapshot, if any."""
        return self._log.snapshot

    def install_snapshot(self, snapshot: Snapshot, *, outbox: Sequence[Offer] | None = None) -> None:
        """Keep a snapshot and drop entries up to its index."""
        self._write(lambda: self._install_snapshot(snapshot, outbox))

    def _install_snapshot(self, snapshot: Snapshot, outbox: Sequence[Offer] | None) -> None:
        if self.chain_at(snapshot.index) != snapshot.chain:
            self._onlooker.cuts(self, snapshot.index)  # nothing of what is here goes on from it
        self._log.install_snapshot(snapshot, outbox=outbox)
        self._bad_row = None if self._bad_row is not None and self._bad_row < self.first_index else self._bad_row
        covered = self.facts.covered()
        before = self.facts.summed_up(snapshot, self._log.read(snapshot.index, self.length))
        waited = self.facts.wait(outbox) if outbox is not None else set[FactKey]()
        self._keeps([*before, *waited, *covered])
        self._onlooker.summed_up(self)

    @property
    def damage(self) -> str | None:
        """What was found broken at opening and is not yet replaced."""
        return self._damage

    def mended(self) -> None:
        """What was broken has been fetched from others."""
        self._damage = None

    def close(self) -> None:
        """Nothing to release."""

    # the machinery ------------------------------------------------------------------------------------------

    def _write(self, change: Callable[[], None]) -> None:
        if self.full:
            message = "the disk is full"
            raise LogFull(message)
        number, moment = self._dies or (0, "before")
        self._dies = (number - 1, moment) if number > 1 else None
        if number == 1 and moment == "before":
            raise ProcessDied
        change()
        if number == 1:
            raise ProcessDied

    def _keeps(self, keys: Iterable[FactKey]) -> None:
        for key in keys:
            if key not in self.facts and key not in self.lost:
                raise Violation(promise="lost", what=f"the disk of {self.node_id} held the fact {key} and forgot it")


def _keys(offers: Iterable[Offer]) -> set[FactKey]:
    return {fact_key(offer.event_id) for offer in offers}
