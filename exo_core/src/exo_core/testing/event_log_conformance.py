"""What every `EventLog` must do. Subclass it, override `open_log`, and pytest runs all of it.

    class TestMyLog(EventLogConformance):
        @pytest.fixture
        def open_log(self, tmp_path):
            return lambda: MyLog(tmp_path)

`open_log()` opens the same log again each time (after `close`); set `durable = False` for one that forgets. A durable
log also overrides `break_entry`, `full_disk` and `after_crashes`, so that what must not be lost then is tested too.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from contextlib import AbstractContextManager

import pytest

from exo_core.errors import LogConflict, LogCorrupt, LogError, LogFull
from exo_core.event_logs import EventLog, Snapshot
from exo_core.identifiers import NO_EPOCH, BootId, Epoch, NodeId, Origin
from exo_core.log.chain import GENESIS, make_entry
from exo_core.log.outbox import facts_of
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

    def break_entry(self, number: int) -> None:
        """Override: change a byte of that entry where it is stored, the log open or not."""
        pytest.skip(f"{type(self).__name__} does not say how an entry is broken ({number})")

    def full_disk(self) -> AbstractContextManager[None]:
        """Override: a context in which the disk of the log takes no more."""
        pytest.skip(f"{type(self).__name__} does not say how its disk becomes full")

    def after_crashes(self, log: EventLog, write: Callable[[EventLog], None]) -> Iterable[EventLog]:
        """Override: do `write(log)`, close it, and open what crashes at different moments within would have left."""
        pytest.skip(f"{type(self).__name__} does not say how a crash leaves it")

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

    def test_every_field_of_a_snapshot_is_kept(self, open_log: Callable[[], EventLog]) -> None:
        """Also of one that replaces an earlier one."""
        log = open_log()
        entries = entries_after(GENESIS, range(1, 9))
        log.append(entries, expected_length=0)
        log.install_snapshot(snapshot_at(2, entries[1].chain))
        full = Snapshot(
            index=6,
            chain=entries[5].chain,
            last_epoch=Epoch(term=2**40, master_id=NodeId("another")),
            state=bytes(range(256)) * 300,
            last_seqs=((ORIGIN, 5), (Origin(node_id=NodeId("o"), boot=BootId(0)), 2**62)),
            holes=((ORIGIN, 2), (ORIGIN, 4)),
            unreduced=tuple(entries[2:4]),
            facts=tuple(enumerate(offers(range(1, 4)), start=1)),
        )
        log.install_snapshot(full)
        assert log.snapshot == full
        log = self.reopened(log, open_log)
        assert (log.snapshot, log.length, list(log.read(6, 10))) == (full, 8, entries[6:])
        log.close()

    # damage ----------------------------------------------------------------------------------------------

    @pytest.mark.parametrize("bad", [1, 4, 7])
    def test_a_bad_entry_costs_no_fact(self, open_log: Callable[[], EventLog], bad: int) -> None:
        """What is before it stays; facts behind it are at the front of the outbox; `damage` says so until mended."""
        log = open_log()
        entries = entries_after(GENESIS, range(1, 8))
        waiting = offers(range(50, 52))
        log.set_epoch(Epoch(term=9, master_id=NodeId("b")))
        log.append(entries, expected_length=0, outbox=waiting)
        log.close()
        self.break_entry(bad)
        log = open_log()
        for _ in range(2):
            assert (log.length, list(log.read(0, 10))) == (bad - 1, entries[: bad - 1])
            assert list(log.outbox) == [*facts_of(entries[bad:]), *waiting]
            assert log.epoch == Epoch(term=9, master_id=NodeId("b"))
            assert log.damage
            log = self.reopened(log, open_log)
        log.append(entries[bad - 1 :], expected_length=bad - 1, outbox=waiting)
        log.mended()
        for _ in range(2):
            assert log.damage is None
            assert (list(log.read(0, 10)), list(log.outbox)) == (entries, waiting)
            log = self.reopened(log, open_log)
        log.close()

    def test_an_entry_that_turns_bad_is_noticed_when_it_is_read(self, open_log: Callable[[], EventLog]) -> None:
        """`LogCorrupt`; the same log, opened anew, is usable."""
        log = open_log()
        entries = entries_after(GENESIS, range(1, 8))
        log.append(entries, expected_length=0)
        self.break_entry(3)
        with pytest.raises(LogCorrupt):
            log.read(0, 10)
        log = self.reopened(log, open_log)
        assert (log.length, list(log.outbox)) == (2, list(facts_of(entries[3:])))
        assert log.damage
        log.close()

    def test_a_sound_log_is_not_damaged(self, open_log: Callable[[], EventLog]) -> None:
        """And mending it changes nothing."""
        log = open_log()
        log.append(entries_after(GENESIS, range(1, 4)), expected_length=0)
        log = self.reopened(log, open_log)
        log.mended()
        assert (log.damage, log.length) == (None, 3)
        log.close()

    # a disk that takes no more ---------------------------------------------------------------------------

    @pytest.mark.parametrize("method", ["append", "rollback", "set_outbox", "set_epoch", "install_snapshot"])
    def test_a_full_disk_changes_nothing(self, open_log: Callable[[], EventLog], method: str) -> None:
        """`LogFull`, what was there can be read, and the same call works once there is space."""
        log = open_log()
        entries = entries_after(GENESIS, range(1, 5), bytes(5000))
        log.append(entries, expected_length=0, outbox=offers(range(20, 23)))
        large = [offer.model_copy(update={"payload": bytes(100_000)}) for offer in offers(range(30, 40))]
        more = entries_after(entries[-1].chain, range(5, 9), bytes(100_000))
        writes: dict[str, Callable[[], None]] = {
            "append": lambda: log.append(more, expected_length=4, outbox=[]),
            "rollback": lambda: log.rollback(2, outbox=large),
            "set_outbox": lambda: log.set_outbox(large),
            "set_epoch": lambda: log.set_epoch(Epoch(term=5, master_id=NodeId("m"))),
            "install_snapshot": lambda: log.install_snapshot(snapshot_at(3, entries[2].chain), outbox=large),
        }
        before = _seen(log)
        with self.full_disk():
            for _ in range(2):
                with pytest.raises(LogFull):
                    writes[method]()
                assert _seen(log) == before
        log = self.reopened(log, open_log)
        assert _seen(log) == before
        assert log.damage is None
        writes[method]()
        after = _seen(log)
        assert after != before
        log = self.reopened(log, open_log)
        assert _seen(log) == after
        log.close()

    # a crash ---------------------------------------------------------------------------------------------

    def test_a_crash_leaves_a_write_done_or_not_done(self, open_log: Callable[[], EventLog]) -> None:
        """Never a log that was cut without its facts in the outbox, nor an entry both in the log and offered."""
        log = open_log()
        entries = entries_after(GENESIS, range(1, 6), bytes(3000))
        log.append(entries, expected_length=0, outbox=offers(range(20, 23)))
        cut = [*facts_of(entries[2:]), *offers(range(20, 23))]
        before = _seen(log)

        def write(log: EventLog) -> None:
            log.rollback(2, outbox=cut)

        outcomes: list[object] = []
        for left in self.after_crashes(log, write):
            outcomes.append(_seen(left))
            assert left.damage is None
            left.close()
        log = open_log()
        assert (log.length, list(log.outbox)) == (2, cut)
        assert before in outcomes
        assert [outcome for outcome in outcomes if outcome not in (before, _seen(log))] == []
        log.close()


def _seen(log: EventLog) -> tuple[object, ...]:
    """All that a log shows of itself, but for damage."""
    entries = list(log.read(log.first_index - 1, log.length))
    chains = [log.chain_at(index) for index in range(log.length + 2)]
    return log.length, log.first_index, entries, chains, list(log.outbox), log.epoch, log.snapshot
