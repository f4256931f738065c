"""Both logs keep the contract; SQLite also survives, and says when it is damaged."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest

from exo_core.errors import LogCorrupt, LogError
from exo_core.event_logs import EventLog
from exo_core.log.chain import GENESIS, continues
from exo_core.log.memory_log import MemoryLog
from exo_core.log.sqlite_log import FILE_NAME, SqliteLog
from exo_core.testing.event_log_conformance import EventLogConformance, entries_after, offers


class TestMemoryLog(EventLogConformance):
    durable = False

    @pytest.fixture
    def open_log(self) -> Callable[[], EventLog]:
        return MemoryLog


class TestSqliteLog(EventLogConformance):
    @pytest.fixture
    def open_log(self, tmp_path: Path) -> Callable[[], EventLog]:
        return lambda: SqliteLog(tmp_path)


@pytest.fixture
def written(tmp_path: Path) -> Path:
    """The file of a log with five entries and two offers."""
    log = SqliteLog(tmp_path)
    log.append(entries_after(GENESIS, range(1, 6)), expected_length=0, outbox=offers(range(1, 3)))
    log.close()
    return tmp_path / FILE_NAME


@pytest.mark.parametrize(
    "damage",
    [
        "UPDATE entries SET body = zeroblob(9) WHERE number = 3",
        "UPDATE entries SET chain = zeroblob(32) WHERE number = 3",
        "UPDATE entries SET crc = crc + 1 WHERE number = 5",
        "UPDATE entries SET body = 'text' WHERE number = 1",
        "DELETE FROM entries WHERE number = 2",
        "UPDATE outbox SET offer = zeroblob(3)",
    ],
)
def test_a_damaged_row_is_reported_with_what_to_do(written: Path, damage: str) -> None:
    connection = sqlite3.connect(written)
    connection.execute(damage)
    connection.commit()
    connection.close()
    with pytest.raises(LogCorrupt, match="Move the file away"):
        SqliteLog(written.parent)


def test_a_file_that_is_no_database_is_reported(tmp_path: Path) -> None:
    (tmp_path / FILE_NAME).write_bytes(b"not a database at all" * 100)
    with pytest.raises(LogCorrupt, match=FILE_NAME):
        SqliteLog(tmp_path)


def test_a_newer_format_is_left_alone(written: Path) -> None:
    connection = sqlite3.connect(written)
    connection.execute("PRAGMA user_version = 99")
    connection.close()
    with pytest.raises(LogError, match="format 99"):
        SqliteLog(written.parent)


def test_an_append_that_fails_leaves_log_and_outbox_as_they_were(written: Path) -> None:
    log = SqliteLog(written.parent)
    entries = entries_after(log.chain_at(5) or b"", range(6, 8))
    blocker = sqlite3.connect(written, isolation_level=None)
    blocker.execute("INSERT INTO entries VALUES (7, 'x', 'x', 0)")
    with pytest.raises(LogError):
        log.append(entries, expected_length=5, outbox=[])
    assert (log.length, list(log.outbox)) == (5, offers(range(1, 3)))
    blocker.execute("DELETE FROM entries WHERE number = 7")
    blocker.close()
    log.append(entries, expected_length=5, outbox=[])
    assert (log.length, list(log.outbox)) == (7, [])
    log.close()


def test_the_chain_tells_every_difference() -> None:
    entries = entries_after(GENESIS, range(1, 5))
    assert continues(GENESIS, entries)
    assert not continues(GENESIS, [entries[0], entries[2]])
    assert not continues(entries[0].chain, entries)
    assert not continues(GENESIS, [entries[0].model_copy(update={"payload": b"other"})])
