"""How does a new file take the place of a damaged one, whatever moment the power fails at?

log.sqlite               the log
log.sqlite-wal, -shm     what SQLite keeps beside it
log.mark                 where it stood after the last write
log.building.sqlite      a new file that is not finished: written over
log.rebuilt.sqlite       a new file that is: it takes the log's place, now or at the next start
log.damaged-1.sqlite     a file that was set aside; the newest three are kept
"""

from __future__ import annotations

import os
import re
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

from exo_core.log.salvage import Contents
from exo_core.log.sqlite_pages import PAGE_BYTES
from exo_core.log.sqlite_records import write_record
from exo_core.log.sqlite_rows import FORMAT, TABLES, offer_row
from exo_core.wire.codec import encode_model

FILE_NAME = "log.sqlite"
MARK_NAME = "log.mark"
_BUILDING = "log.building.sqlite"
_REBUILT = "log.rebuilt.sqlite"
_ASIDE = re.compile(r"log\.damaged-(\d+)\.sqlite")
_KEPT_ASIDE = 3
_WAL, _SHARED_MEMORY = "-wal", "-shm"


def replace_log(folder: Path, contents: Contents, *, aside: Path | None = None, write_ahead_log: bytes = b"") -> None:
    """A log with this content in a new file. What was there is kept as `aside`. Raises SQLite's and `OSError`s."""
    building = folder / _BUILDING
    _remove(building)
    building.touch(mode=0o600)
    try:
        _write(building, contents)
        if aside:
            _set_aside(folder / FILE_NAME, aside, write_ahead_log)
    except BaseException:
        _remove(building)
        raise
    building.replace(folder / _REBUILT)
    _sync(folder)
    finish(folder)


def finish(folder: Path) -> None:
    """Put a finished new file in its place, if there is one."""
    rebuilt, path = folder / _REBUILT, folder / FILE_NAME
    if not rebuilt.exists():
        return
    for suffix in (_WAL, _SHARED_MEMORY):  # first: they would be taken for the new file's
        _beside(path, suffix).unlink(missing_ok=True)
    _sync(folder)
    rebuilt.replace(path)
    _sync(folder)


def next_aside(folder: Path) -> Path:
    """The name under which the next damaged file is kept."""
    return _aside(folder, max(_numbers_aside(folder), default=0) + 1)


def write_ahead_log(folder: Path) -> bytes:
    """What SQLite has not yet moved into the file. It may be gone once SQLite has opened and closed it."""
    path = _beside(folder / FILE_NAME, _WAL)
    return path.read_bytes() if path.exists() else b""


def _write(path: Path, contents: Contents) -> None:
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute(f"PRAGMA page_size = {PAGE_BYTES}")
        connection.execute("BEGIN")
        for table in TABLES.values():
            connection.execute(table)
        connection.execute(f"PRAGMA user_version = {FORMAT}")  # an exo that knows no other record of it stops here
        connection.executemany("INSERT INTO entries VALUES (?, ?, ?, ?)", contents.rows)
        offers = [offer_row(number, offer) for number, offer in enumerate(contents.offers, start=1)]
        connection.executemany("INSERT INTO outbox VALUES (?, ?, ?)", offers)
        for name, value in _records(contents).items():
            write_record(connection, name, value)
        connection.execute("COMMIT")
        connection.execute("PRAGMA journal_mode = WAL")
    with path.open("rb+") as file:
        os.fsync(file.fileno())


def _records(contents: Contents) -> dict[str, bytes]:
    records = {"format": str(FORMAT).encode(), "mark": encode_model(contents.mark)}
    if contents.snapshot:
        records["snapshot"] = encode_model(contents.snapshot)
    if contents.damage:
        records["damage"] = contents.damage.encode()
    return records


def _set_aside(path: Path, aside: Path, write_ahead_log: bytes) -> None:
    """Keep the present file, which stays in its place too until another takes it, under a name that says why."""
    for number in _numbers_aside(path.parent)[: 1 - _KEPT_ASIDE]:
        _remove(_aside(path.parent, number))
    try:
        aside.hardlink_to(path)
    except OSError:  # a file system without links
        shutil.copyfile(path, aside)
    if write_ahead_log:
        _beside(aside, _WAL).write_bytes(write_ahead_log)


def _numbers_aside(folder: Path) -> list[int]:
    return sorted(int(match[1]) for path in folder.iterdir() if (match := _ASIDE.fullmatch(path.name)))


def _aside(folder: Path, number: int) -> Path:
    return folder / f"log.damaged-{number}.sqlite"


def _beside(path: Path, suffix: str) -> Path:
    return path.with_name(path.name + suffix)


def _remove(path: Path) -> None:
    for name in (path, *(_beside(path, suffix) for suffix in (_WAL, _SHARED_MEMORY, "-journal"))):
        name.unlink(missing_ok=True)


def _sync(folder: Path) -> None:
    """Make changed names durable."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
