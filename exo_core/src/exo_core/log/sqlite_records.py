"""Named values in a table, each in two copies, so that one wrong byte takes none of them away."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable
from typing import NamedTuple, cast

from exo_core.log.sqlite_rows import Columns, record_row, sound_record

COPY = ".copy"


class Records(NamedTuple):
    """The values of which a sound copy was found, and whether all copies are there."""

    values: dict[str, bytes]
    whole: bool


def read_records(connection: sqlite3.Connection) -> Records:
    """All of them, row by row and not by the index: an index that lies must not hide a value."""
    statement = "SELECT name, value, crc FROM records NOT INDEXED"
    found = cast("Iterable[Columns]", connection.execute(statement))
    rows = [sound_record(row) for row in found]
    copies = {row.name: row.value for row in rows if row}
    values = {name.removesuffix(COPY): value for name, value in copies.items()}
    return Records(values, None not in rows and all(copies.get(n) == copies.get(n + COPY) for n in values))


def write_record(connection: sqlite3.Connection, name: str, value: bytes) -> None:
    """Set a value, inside the caller's transaction."""
    copies = [record_row(copy, value) for copy in (name, name + COPY)]
    connection.executemany("REPLACE INTO records VALUES (?, ?, ?)", copies)


def delete_record(connection: sqlite3.Connection, name: str) -> None:
    """Forget a value, inside the caller's transaction."""
    connection.execute("DELETE FROM records WHERE name IN (?, ?)", (name, name + COPY))
