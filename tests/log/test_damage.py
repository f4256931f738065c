"""Opening a log never fails for what it holds: what can be read is kept, and no fact is lost that is readable."""

from __future__ import annotations

import os
import shutil
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from exo_core.errors import LogError
from exo_core.log.sqlite_log import SqliteLog
from exo_core.log.sqlite_rebuilding import FILE_NAME, MARK_NAME
from exo_core.log.sqlite_rows import TABLES, checksum, entry_row, record_row
from exo_core.wire.codec import encode_model

if TYPE_CHECKING:
    from conftest import WriteLog, Written

PAGE = 4096


def execute(file: Path, *statements: str) -> None:
    """Change what the tables say."""
    connection = sqlite3.connect(file, isolation_level=None)
    for statement in statements:
        connection.execute(statement)
    connection.close()


def overwrite(file: Path, place: int, content: bytes) -> None:
    """Change bytes of the file."""
    with file.open("r+b") as opened:
        opened.seek(place)
        opened.write(content)


def root_page(file: Path, table: str) -> int:
    """Where the table's first page begins."""
    connection = sqlite3.connect(file)
    (number,) = connection.execute("SELECT rootpage FROM sqlite_schema WHERE name = ?", [table]).fetchone()
    connection.close()
    return (number - 1) * PAGE


@pytest.mark.parametrize(
    ("damage", "broken"),
    [
        ("UPDATE entries SET body = zeroblob(9) WHERE number = 23", range(23, 24)),
        ("UPDATE entries SET chain = zeroblob(32) WHERE number = 23", range(23, 24)),
        ("UPDATE entries SET crc = crc + 1 WHERE number = 30", range(30, 31)),
        ("UPDATE entries SET body = 'text' WHERE number = 11", range(11, 12)),
        ("DELETE FROM entries WHERE number = 12", range(12, 13)),
        ("DELETE FROM entries WHERE number > 27", range(28, 31)),
        ("INSERT INTO entries VALUES (31, 'x', 'x', 0)", range(31, 32)),
    ],
)
def test_damaged_entries(written: Written, damage: str, broken: range) -> None:
    """What is before them stays, and nothing is lost but themselves."""
    execute(written.file, damage)
    kept = broken.start - 1
    for _ in range(2):
        log = written.open()
        assert (log.length, list(log.read(10, 100))) == (kept, written.entries[10:kept])
        readable = [offer for offer in written.facts_after(kept) if offer.event_id.seq not in broken]
        found = [offer for offer in log.outbox if offer.event_id.seq not in broken]
        assert found == [*readable, *written.waiting]
        assert (log.snapshot, log.epoch) == (written.snapshot, written.epoch)
        assert "log.damaged-1.sqlite" in (log.damage or "")
        log.close()


def test_a_damaged_outbox_keeps_the_entries_and_the_readable_offers(written: Written) -> None:
    execute(written.file, "UPDATE outbox SET offer = zeroblob(3) WHERE number = (SELECT min(number) + 1 FROM outbox)")
    log = written.open()
    unharmed = [offer for offer in log.outbox if offer != written.waiting[1]]
    assert (log.length, unharmed) == (30, [written.waiting[0], *written.waiting[2:]])
    assert log.damage
    log.close()


def test_an_offer_that_is_gone_is_noticed(written: Written) -> None:
    execute(written.file, "DELETE FROM outbox WHERE number = (SELECT max(number) FROM outbox)")
    log = written.open()
    assert log.length == 30
    assert log.damage
    log.close()


@pytest.mark.parametrize("record", ["mark", "mark.copy", "snapshot", "snapshot.copy", "format", "format.copy"])
@pytest.mark.parametrize("damage", ["UPDATE records SET value = zeroblob(20)", "DELETE FROM records"])
def test_one_copy_of_a_record_is_enough(written: Written, record: str, damage: str) -> None:
    execute(written.file, f"{damage} WHERE name = '{record}'")
    log = written.open()
    written.assert_holds_all(log)
    assert log.damage
    log.close()


def test_without_its_snapshot_a_log_begins_anew_with_all_facts(written: Written) -> None:
    """Nothing of the prefix can be summed. What the snapshot held is gone here; others have it."""
    execute(written.file, "DELETE FROM records WHERE name LIKE 'snapshot%'", "VACUUM")
    log = written.open()
    assert (log.length, log.first_index, log.snapshot) == (0, 1, None)
    assert list(log.outbox) == [*written.facts_after(10), *written.waiting]
    assert log.epoch == written.epoch
    assert log.damage
    log.close()


def test_without_its_marks_the_epoch_is_the_highest_that_is_readable(written: Written) -> None:
    (written.folder / MARK_NAME).unlink()
    execute(written.file, "DELETE FROM records WHERE name LIKE 'mark%'", "VACUUM")
    log = written.open()
    assert (log.length, log.epoch) == (30, written.entries[-1].epoch)
    assert log.damage
    log.close()


@pytest.mark.parametrize("table", ["entries", "records", "sqlite_schema"])
def test_a_broken_root_page_hides_no_fact(written: Written, table: str) -> None:
    """SQLite cannot read that table at all then; its leaf pages still can be."""
    place = 100 if table == "sqlite_schema" else root_page(written.file, table)
    overwrite(written.file, place, b"\xff")
    log = written.open()
    assert list(log.outbox) == [*written.facts_after(log.length or 10), *written.waiting]
    assert (log.snapshot, log.epoch) == (written.snapshot, written.epoch)
    assert log.damage
    log.close()
    assert written.open().damage == log.damage


def garbage(file: Path) -> None:
    file.write_bytes(b"not a database at all" * 1000)


def nothing(file: Path) -> None:
    file.write_bytes(b"")


def half(file: Path) -> None:
    os.truncate(file, file.stat().st_size // PAGE // 2 * PAGE)


def an_odd_end(file: Path) -> None:
    os.truncate(file, file.stat().st_size - 1000)


def no_file(file: Path) -> None:
    file.unlink()


@pytest.mark.parametrize("damage", [garbage, nothing, half, an_odd_end, no_file])
def test_a_file_that_is_none(written: Written, damage: Callable[[Path], None]) -> None:
    damage(written.file)
    for _ in range(2):
        log = written.open()
        assert list(log.read(log.first_index - 1, 100)) == written.entries[log.first_index - 1 : log.length]
        assert log.epoch == written.epoch
        assert log.damage
        log.close()
    log = written.open()
    log.mended()
    log.append([], expected_length=log.length)
    log.close()
    assert written.open().damage is None


def test_transactions_that_vanished_from_the_write_ahead_log_are_noticed(tmp_path: Path, written: Written) -> None:
    """SQLite takes a wrong byte there for the end of the log, and would begin with what is before it."""
    log = written.open()
    log.set_outbox(written.waiting[:1])
    log.set_outbox(written.waiting[:2])
    crashed = tmp_path / "crashed"
    shutil.copytree(written.folder, crashed)
    log.close()
    overwrite(crashed / f"{FILE_NAME}-wal", 32 + 24 + 2000, b"\xff")
    log = SqliteLog(crashed)
    assert log.length == 30
    assert log.damage
    assert (crashed / "log.damaged-1.sqlite-wal").exists()
    log.close()


def test_the_newest_damaged_files_are_kept(written: Written) -> None:
    for _ in range(5):
        execute(written.file, "UPDATE records SET crc = crc + 1 WHERE name = 'mark'")
        written.open().close()
    kept = sorted(path.name for path in written.folder.glob("log.damaged-*"))
    assert kept == ["log.damaged-3.sqlite", "log.damaged-4.sqlite", "log.damaged-5.sqlite"]


@pytest.mark.parametrize("left", ["log.building.sqlite", "log.rebuilt.sqlite"])
def test_a_crash_while_a_damaged_file_is_replaced(written: Written, write_log: WriteLog, left: str) -> None:
    """An unfinished new file is none; a finished one takes its place, without what lay beside the old one."""
    other = write_log("other", b"short")
    shutil.copy(other.file, written.folder / left)
    (written.folder / f"{FILE_NAME}-wal").write_bytes(b"of the old file")
    (written.folder / MARK_NAME).unlink()
    log = written.open()
    (other if left == "log.rebuilt.sqlite" else written).assert_holds_all(log)
    log.close()
    assert not (written.folder / "log.rebuilt.sqlite").exists()


def test_a_newer_format_is_left_alone(written: Written) -> None:
    copies = [record_row(name, b"99") for name in ("format", "format.copy")]
    connection = sqlite3.connect(written.file)
    connection.executemany("REPLACE INTO records VALUES (?, ?, ?)", copies)
    connection.execute("DROP TABLE outbox")
    connection.commit()
    connection.close()
    with pytest.raises(LogError, match=r"format 99.*newer exo"):
        written.open()
    assert not list(written.folder.glob("log.damaged-*"))


def test_a_log_of_the_first_format_is_carried_over(written: Written) -> None:
    """It had no marks, no copies, its own record of the epoch, and another checksum in its outbox."""
    entries = written.entries[:5]
    written.file.unlink()
    (written.folder / MARK_NAME).unlink()
    connection = sqlite3.connect(written.file)
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute(TABLES["entries"])
    connection.execute("CREATE TABLE outbox (number INTEGER PRIMARY KEY AUTOINCREMENT, offer BLOB, crc INTEGER)")
    connection.execute(TABLES["records"])
    rows = [entry_row(number, entry) for number, entry in enumerate(entries, start=1)]
    connection.executemany("INSERT INTO entries VALUES (?, ?, ?, ?)", rows)
    offers = [encode_model(offer) for offer in written.waiting]
    connection.executemany("INSERT INTO outbox (offer, crc) VALUES (?, ?)", [(o, checksum(0, o)) for o in offers])
    connection.execute("INSERT INTO records VALUES (?, ?, ?)", record_row("epoch", encode_model(written.epoch)))
    connection.commit()
    connection.close()
    for _ in range(2):
        log = written.open()
        assert (list(log.read(0, 10)), list(log.outbox), log.epoch) == (entries, written.waiting, written.epoch)
        assert log.damage is None
        log.close()
