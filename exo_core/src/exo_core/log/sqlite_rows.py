"""What are the tables, and which rows are what was written into them?

Every row carries a CRC-32 over its number and content, since SQLite itself checks nothing. The form of `records` never
changes: a version that finds a newer format noted there leaves the file alone.
"""

from __future__ import annotations

import sqlite3
import zlib
from collections.abc import Sequence
from typing import NamedTuple

from exo_core.errors import WireError
from exo_core.log.chain import body_of
from exo_core.state.events import Entry, Offer
from exo_core.wire.codec import decode_model, encode_model

FORMAT = 2
"""Raised when an older exo would misread the file. Format 1 had no marks and no second copies."""

TABLES = {
    "entries": (
        "CREATE TABLE entries "
        "(number INTEGER PRIMARY KEY, body BLOB NOT NULL, chain BLOB NOT NULL, crc INTEGER NOT NULL)"
    ),
    "outbox": "CREATE TABLE outbox (number INTEGER PRIMARY KEY, offer BLOB NOT NULL, crc INTEGER NOT NULL)",
    "records": "CREATE TABLE records (name TEXT PRIMARY KEY, value BLOB NOT NULL, crc INTEGER NOT NULL)",
}

ROWS_AT_ONCE = 200
"""Four values each: SQLite takes 999 in a statement, newer ones more."""

Columns = Sequence[object]
"""A row as it is read: a damaged one may have anything in it."""


class EntryRow(NamedTuple):
    """An entry as it is stored."""

    number: int
    body: bytes
    chain: bytes
    crc: int


class OfferRow(NamedTuple):
    """A fact of the outbox as it is stored."""

    number: int
    offer: bytes
    crc: int


class RecordRow(NamedTuple):
    """A copy of a named value as it is stored."""

    name: str
    value: bytes
    crc: int


NumberedOffer = tuple[int, Offer]


def checksum(number: int, content: bytes) -> int:
    """CRC-32 over a row's number (0 where it has none) and its content."""
    return zlib.crc32(content, zlib.crc32(number.to_bytes(8, "big", signed=True)))


def entry_row(number: int, entry: Entry) -> EntryRow:
    """The row of an entry."""
    body = body_of(entry.epoch, entry.event_id, entry.payload)
    return EntryRow(number, body, entry.chain, checksum(number, body + entry.chain))


def insert_entries(connection: sqlite3.Connection, rows: Sequence[EntryRow]) -> None:
    """Add entries, inside the caller's transaction.

    Many in one statement: Python hands its lock back at every step of SQLite, and to get it again from a busy thread
    costs up to five milliseconds.
    """
    for start in range(0, len(rows), ROWS_AT_ONCE):
        some = rows[start : start + ROWS_AT_ONCE]
        places = ", ".join(["(?, ?, ?, ?)"] * len(some))
        connection.execute(f"INSERT INTO entries VALUES {places}", [value for row in some for value in row])  # noqa: S608


def offer_row(number: int, offer: Offer) -> OfferRow:
    """The row of a fact of the outbox."""
    encoded = encode_model(offer)
    return OfferRow(number, encoded, checksum(number, encoded))


def record_row(name: str, value: bytes) -> RecordRow:
    """The row of one copy of a named value."""
    return RecordRow(name, value, checksum(0, value))


def sound_entry(columns: Columns) -> EntryRow | None:
    """The entry that was written as this row; None when this is something else."""
    match columns:
        case (int() as number, bytes() as body, bytes() as chain, int() as crc) if crc == checksum(
            number, body + chain
        ):
            return EntryRow(number, body, chain, crc)
        case _:
            return None


def sound_offer(columns: Columns) -> NumberedOffer | None:
    """The same for a fact of the outbox. (In format 1 the checksum left the number out.)"""
    match columns:
        case (int() as number, bytes() as offer, int() as crc) if crc in (checksum(number, offer), checksum(0, offer)):
            try:
                return number, decode_model(Offer, offer)
            except WireError:
                return None
        case _:
            return None


def sound_record(columns: Columns) -> RecordRow | None:
    """The same for a copy of a named value."""
    match columns:
        case (str() as name, bytes() as value, int() as crc) if crc == checksum(0, value):
            return RecordRow(name, value, crc)
        case _:
            return None
