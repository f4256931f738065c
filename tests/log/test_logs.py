"""Both logs keep the contract; the chain tells every difference."""

from __future__ import annotations

import resource
import shutil
import sqlite3
from collections.abc import Callable, Generator, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from exo_core.control_plane.ledger import Ledger
from exo_core.errors import LogFull
from exo_core.event_logs import EventLog
from exo_core.log.chain import GENESIS, continues, make_entry
from exo_core.log.memory_log import MemoryLog
from exo_core.log.sqlite_log import SqliteLog
from exo_core.log.sqlite_rebuilding import FILE_NAME
from exo_core.state.events import FactId
from exo_core.state.state import State
from exo_core.testing.event_log_conformance import EPOCH, ORIGIN, EventLogConformance, entries_after

if TYPE_CHECKING:
    from conftest import Written

WAL_NAME = f"{FILE_NAME}-wal"


@contextmanager
def full_disk() -> Generator[None]:
    """No file of this process can be written."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


class TestMemoryLog(EventLogConformance):
    durable = False

    @pytest.fixture
    def open_log(self) -> Callable[[], EventLog]:
        return MemoryLog


class TestSqliteLog(EventLogConformance):
    @pytest.fixture(autouse=True)
    def in_folder(self, tmp_path: Path) -> None:
        self.folder = tmp_path / "log"

    @pytest.fixture
    def open_log(self) -> Callable[[], EventLog]:
        return lambda: SqliteLog(self.folder)

    def break_entry(self, number: int) -> None:
        connection = sqlite3.connect(self.folder / FILE_NAME)
        connection.execute(
            "UPDATE entries SET body = substr(body, 1, 9) || 'x' || substr(body, 11) WHERE number = ?", [number]
        )
        connection.commit()
        connection.close()

    def full_disk(self) -> AbstractContextManager[None]:
        return full_disk()

    def after_crashes(self, log: EventLog, write: Callable[[EventLog], None]) -> Iterator[EventLog]:
        """The write-ahead log is written from its beginning to its end: it may end anywhere."""
        begun = (self.folder / WAL_NAME).stat().st_size
        before = self.folder.with_name("before")
        shutil.copytree(self.folder, before)
        write(log)
        written = (self.folder / WAL_NAME).read_bytes()
        log.close()
        for end in (*range(begun, len(written), 509), len(written) - 1, len(written)):
            crashed = self.folder.with_name(f"crashed-{end}")
            shutil.copytree(before, crashed)
            (crashed / WAL_NAME).write_bytes(written[:end])
            yield SqliteLog(crashed)


def test_the_chain_tells_every_difference() -> None:
    entries = entries_after(GENESIS, range(1, 5))
    assert continues(GENESIS, entries)
    assert not continues(GENESIS, [entries[0], entries[2]])
    assert not continues(entries[0].chain, entries)
    assert not continues(GENESIS, [entries[0].model_copy(update={"payload": b"other"})])


def test_entries_that_nobody_understands_are_kept_and_change_nothing() -> None:
    payloads = [b"", b"\xff", b"\x80", bytes(70), b"\x81\xa4type\xa7unknown"]
    log, chain = MemoryLog(), GENESIS
    for number, payload in enumerate(payloads):
        entry = make_entry(chain, EPOCH, FactId(origin=ORIGIN, seq=number + 1), payload)
        log.append([entry], expected_length=number)
        chain = entry.chain
    ledger = Ledger(log)
    assert (ledger.length, ledger.state) == (len(payloads), State())
    assert [entry.payload for entry in ledger.read(0, 10)] == payloads


def test_a_new_log_waits_for_space(tmp_path: Path) -> None:
    with full_disk(), pytest.raises(LogFull):
        SqliteLog(tmp_path / "log")
    log = SqliteLog(tmp_path / "log")
    assert (log.length, log.damage) == (0, None)
    log.close()


def test_a_damaged_log_waits_for_space(written: Written) -> None:
    """Nothing is given up for want of room for the new file."""
    written.file.write_bytes(written.file.read_bytes()[:-5000])
    with full_disk(), pytest.raises(LogFull):
        written.open()
    log = written.open()
    assert log.damage
    assert log.epoch == written.epoch
    log.close()
