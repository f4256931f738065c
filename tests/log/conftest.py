"""A log on disk with a bit of everything in it, for tests that break it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from exo_core.event_logs import EventLog, Snapshot
from exo_core.identifiers import Epoch, NodeId
from exo_core.log.chain import GENESIS
from exo_core.log.outbox import facts_of
from exo_core.log.sqlite_log import SqliteLog
from exo_core.log.sqlite_rebuilding import FILE_NAME
from exo_core.state.events import Entry, Offer
from exo_core.testing.event_log_conformance import ORIGIN, entries_after, offers

WriteLog = Callable[[str, bytes], "Written"]
"""`write_log(name, payload)`: a closed log in a folder of that name, each of its entries with that payload."""


@dataclass(frozen=True)
class Written:
    """A closed log, and the truth about it: its entries, of which a snapshot may replace the first ones."""

    folder: Path
    entries: list[Entry]
    snapshot: Snapshot | None
    waiting: list[Offer]
    epoch: Epoch

    @property
    def file(self) -> Path:
        """The database."""
        return self.folder / FILE_NAME

    @property
    def base(self) -> int:
        """How many entries the snapshot replaces."""
        return self.snapshot.index if self.snapshot else 0

    def open(self) -> SqliteLog:
        """The log as it is now."""
        return SqliteLog(self.folder)

    def assert_holds_all(self, log: EventLog) -> None:
        """Nothing is missing and nothing was added."""
        assert (log.length, list(log.read(self.base, 100))) == (len(self.entries), self.entries[self.base :])
        assert (log.snapshot, list(log.outbox), log.epoch) == (self.snapshot, self.waiting, self.epoch)

    def fact(self, seq: int) -> Offer:
        """The fact with that number, in the log or waiting."""
        return next(offer for offer in (*facts_of(self.entries), *self.waiting) if offer.event_id.seq == seq)

    def facts_after(self, index: int) -> list[Offer]:
        """Of the entries behind that one."""
        return list(facts_of(self.entries[index:]))


def written_log(folder: Path, payload: bytes) -> Written:
    """A log with a snapshot, entries of several pages, an outbox and an epoch; some entries were cut and came back."""
    log = SqliteLog(folder)
    entries = entries_after(GENESIS, range(1, 31), payload)
    waiting, epoch = offers(range(200, 204)), Epoch(term=7, master_id=NodeId("highest"))
    log.set_epoch(epoch)
    log.append(entries[:25], expected_length=0)
    snapshot = Snapshot(
        index=10,
        chain=entries[9].chain,
        last_epoch=entries[9].epoch,
        state=bytes(len(payload) * 8),
        last_seqs=((ORIGIN, 9),),
    )
    log.install_snapshot(snapshot)
    log.rollback(20, outbox=facts_of(entries[20:25]))
    log.append(entries[20:], expected_length=20, outbox=waiting)
    log.close()
    return Written(folder, entries, snapshot, waiting, epoch)


def smallest_log(folder: Path, payload: bytes) -> Written:
    """A new log with three entries, an outbox and an epoch: all that was written lies in a few pages."""
    log = SqliteLog(folder)
    entries, waiting = entries_after(GENESIS, range(1, 4), payload), offers(range(200, 202))
    log.set_epoch(entries[-1].epoch)
    log.append(entries, expected_length=0, outbox=waiting)
    log.close()
    return Written(folder, entries, None, waiting, entries[-1].epoch)


@pytest.fixture
def write_log(tmp_path: Path) -> WriteLog:
    """Makes closed logs."""

    def write(name: str, payload: bytes) -> Written:
        return written_log(tmp_path / name, payload)

    return write


@pytest.fixture
def write_smallest(tmp_path: Path) -> WriteLog:
    """The same for the smallest."""

    def write(name: str, payload: bytes) -> Written:
        return smallest_log(tmp_path / name, payload)

    return write


@pytest.fixture
def written(write_log: WriteLog) -> Written:
    """A closed log."""
    return write_log("log", bytes(700))
