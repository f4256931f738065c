"""What every `EventLog` must do. Subclass it, override `open_log`, and pytest runs all of it.

    class TestMyLog(EventLogConformance):
        @pytest.fixture
        def open_log(self, tmp_path):
            return lambda: MyLog(tmp_path)

`open_log()` opens the same log again each time (after `close`); set `durable = False` for one that forgets.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import pytest

from exo_core.errors import LogConflict, LogError
from exo_core.event_logs import EventLog, Snapshot
from exo_core.identifiers import NO_EPOCH, BootId, Epoch, NodeId, Origin
from exo_core.log.chain import GENESIS, make_entry
from exo_core.state.events import DerivedId, Entry, EventId, FactId, Offer

EPOCH = Epoch(term=1, master_id=NodeId("m"))
ORIGIN = Origin(node_id=NodeId("n"), boot=BootId(2**62))


def entries_after(chain: bytes, numbers: range, payload: bytes = b"payload") -> list[Entry]:
    """Chained entries, facts and conclusions in turn."""
    entries: list[Entry] = []
    for number in numbers:
        event_id: EventId = FactId(origin=ORIGIN, seq=number) if number % 2 else DerivedId(epoch=EPOCH, n=number)
        entries.append(make_entry(chain, EPOCH, event_id, payload))
        chain = entries[-1].chain
    return entries


def offers(numbers: range) -> list[Offer]:
    """Facts of one origin."""
    return [Offer(event_id=FactId(origin=ORIGIN, seq=number), payload=bytes([number])) for number in numbers]


def snapshot_at(index: int, chain: bytes) -> Snapshot:
    """A snapshot with a state that nobody reads."""
    return Snapshot(index=index, chain=chain, last_epoch=EPOCH, state=b"state", last_seqs=((ORIGIN, 3),))


class EventLogConformance:
    """The contract of `exo_core.event_logs.EventLog`."""

    durable = True

    @pytest.fixture
    def open_log(self) -> Callable[[], EventLog]:
        """Override: a function that opens the log."""
        raise NotImplementedError

    def reopened(self, log: EventLog, open_log: Callable[[], EventLog]) -> EventLog:
        """The log as it is after a restart; the same object for one that forgets."""
        if not self.durable:
            return log
        log.close()
        return open_log()

    def test_a_new_log_is_empty(self, open_log: Callable[[], EventLog]) -> None:
        """No entries, no epoch, no outbox."""
        log = open_log()
        assert (log.length, log.first_index, log.chain_at(0), log.chain_at(1)) == (0, 1, GENESIS, None)
        assert (list(log.read(0, 10)), list(log.outbox), log.epoch, log.snapshot) == ([], [], NO_EPOCH, None)
        log.close()

    def test_what_was_appended_is_read_again_and_survives(self, open_log: Callable[[], EventLog]) -> None:
        """In order, byte for byte, with the outbox of the same transaction."""
        log = open_log()
        entries = entries_after(GENESIS, range(1, 8))
        log.append(entries[:3], expected_length=0)
        log.append(entries[3:], expected_length=3, outbox=offers(range(1, 3)))
        log = self.reopened(log, open_log)
        assert log.length == 7
        assert list(log.read(0, 100)) == entries
        assert list(log.read(2, 3)) == entries[2:5]
        assert [log.chain_at(index) for index in range(1, 8)] == [entry.chain for entry in entries]
        assert list(log.outbox) == offers(range(1, 3))
        log.close()

    def test_an_append_at_the_wrong_length_changes_nothing(self, open_log: Callable[[], EventLog]) -> None:
        """`LogConflict`."""
        log = open_log()
        log.append(entries_after(GENESIS, range(1, 3)), expected_length=0)
        with pytest.raises(LogConflict):
            log.append(entries_after(GENESIS, range(1, 2)), expected_length=1, outbox=offers(range(1, 2)))
        assert (log.length, list(log.outbox)) == (2, [])
        log.close()

    def test_a_rollback_cuts_and_replaces_the_outbox(self, open_log: Callable[[], EventLog]) -> None:
        """In one transaction; another history may follow."""
        log = open_log()
        entries = entries_after(GENESIS, range(1, 6))
        log.append(entries, expected_length=0, outbox=offers(range(8, 9)))
        log.rollback(2, outbox=offers(range(3, 5)))
        log = self.reopened(log, open_log)
        assert (log.length, log.chain_at(2), log.chain_at(3)) == (2, entries[1].chain, None)
        assert list(log.outbox) == offers(range(3, 5))
        other = entries_after(entries[1].chain, range(3, 5), b"other")
        log.append(other, expected_length=2)
        log = self.reopened(log, open_log)
        assert list(log.read(0, 10)) == [*entries[:2], *other]
        log.close()

    def test_a_rollback_beyond_the_log_is_refused(self, open_log: Callable[[], EventLog]) -> None:
        """`LogError`."""
        log = open_log()
        log.append(entries_after(GENESIS, range(1, 3)), expected_length=0)
        with pytest.raises(LogError):
            log.rollback(3, outbox=[])
        log.close()

    @pytest.mark.parametrize(
        "steps",
        [
            [range(1, 4), range(1, 6), range(3, 6), range(3, 9), range(0)],
            [range(5, 7), range(1, 7), range(2, 5)],
            [range(1, 3), range(1, 3)],
        ],
    )
    def test_the_outbox_is_what_was_set_last(self, open_log: Callable[[], EventLog], steps: Sequence[range]) -> None:
        """Whatever it was before, and in that order."""
        log = open_log()
        for numbers in steps:
            log.set_outbox(offers(numbers))
            log = self.reopened(log, open_log)
            assert list(log.outbox) == offers(numbers)
        log.close()

    def test_the_epoch_never_goes_back(self, open_log: Callable[[], EventLog]) -> None:
        """And is durable."""
        log = open_log()
        log.set_epoch(Epoch(term=3, master_id=NodeId("b")))
        with pytest.raises(LogError):
            log.set_epoch(Epoch(term=3, master_id=NodeId("a")))
        log.set_epoch(Epoch(term=3, master_id=NodeId("b")))
        log = self.reopened(log, open_log)
        assert log.epoch == Epoch(term=3, master_id=NodeId("b"))
        log.close()

    def test_a_snapshot_of_our_history_replaces_what_it_covers(self, open_log: Callable[[], EventLog]) -> None:
        """What follows it stays."""
        log = open_log()
        entries = entries_after(GENESIS, range(1, 8))
        log.append(entries, expected_length=0)
        log.install_snapshot(snapshot_at(4, entries[3].chain), outbox=offers(range(1, 2)))
        log = self.reopened(log, open_log)
        assert (log.length, log.first_index) == (7, 5)
        assert list(log.read(4, 10)) == entries[4:]
        assert (log.chain_at(3), log.chain_at(4)) == (None, entries[3].chain)
        assert log.snapshot == snapshot_at(4, entries[3].chain)
        assert list(log.outbox) == offers(range(1, 2))
        with pytest.raises(LogError):
            log.read(3, 1)
        with pytest.raises(LogError):
            log.rollback(3, outbox=[])
        log.close()

    def test_a_snapshot_of_another_history_replaces_everything(self, open_log: Callable[[], EventLog]) -> None:
        """Also when it is longer than the log."""
        log = open_log()
        log.append(entries_after(GENESIS, range(1, 8)), expected_length=0)
        log.install_snapshot(snapshot_at(5, b"x" * 32))
        assert (log.length, log.first_index, list(log.read(5, 10))) == (5, 6, [])
        following = entries_after(b"x" * 32, range(6, 8))
        log.append(following, expected_length=5)
        log.install_snapshot(snapshot_at(20, b"y" * 32))
        log = self.reopened(log, open_log)
        assert (log.length, log.first_index, log.chain_at(20)) == (20, 21, b"y" * 32)
        log.close()
