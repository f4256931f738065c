"""`EventLog` in one SQLite file: every write is one transaction that is on the disk when the call returns.

Rows carry a CRC-32 over their index and content besides the chain, so that a flipped bit is found when it is read.
What cannot be read is reported, never guessed.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import cast, final

from exo_core.errors import LogConflict, LogCorrupt, LogError
from exo_core.event_logs import Snapshot
from exo_core.identifiers import NO_EPOCH, Epoch
from exo_core.log.chain import GENESIS, body_of, entry_from, next_chain
from exo_core.log.sqlite_file import SqliteFile, checksum
from exo_core.log.sqlite_outbox import SqliteOutbox
from exo_core.state.events import Entry, Offer
from exo_core.wire.codec import decode_model, encode_model

FILE_NAME = "log.sqlite"
SCHEMA_VERSION = 1
_SCHEMA = """
CREATE TABLE entries (number INTEGER PRIMARY KEY, body BLOB NOT NULL, chain BLOB NOT NULL, crc INTEGER NOT NULL);
CREATE TABLE outbox (number INTEGER PRIMARY KEY AUTOINCREMENT, offer BLOB NOT NULL, crc INTEGER NOT NULL);
CREATE TABLE records (name TEXT PRIMARY KEY, value BLOB NOT NULL, crc INTEGER NOT NULL);
"""


@final
class SqliteLog:
    """The log in `folder`/log.sqlite. Opening checks every row and raises `LogCorrupt` or `LogError`."""

    def __init__(self, folder: Path) -> None:
        self._file = SqliteFile(folder / FILE_NAME, schema=_SCHEMA, version=SCHEMA_VERSION)
        try:
            with self._file.explained():
                self._load()
        except BaseException:
            self.close()
            raise

    def _load(self) -> None:
        self._snapshot = self._read_snapshot()
        self._epoch = self._read_epoch()
        self._base = self._snapshot.index if self._snapshot else 0
        self._chains = [self._snapshot.chain if self._snapshot else GENESIS]
        for number, body, chain, crc in self._rows(self._base, -1):
            self._check_row(number, body, chain, crc)
            self._chains.append(chain)
        self._outbox = SqliteOutbox(self._file)

    @property
    def length(self) -> int:
        """Entries in the log, compacted ones included."""
        return self._base + len(self._chains) - 1

    @property
    def first_index(self) -> int:
        """Index of the first entry still held; length + 1 when none is."""
        return self._base + 1

    def chain_at(self, index: int) -> bytes | None:
        """The chain after entry `index`; None when compacted away or beyond the end."""
        return self._chains[index - self._base] if self._base <= index <= self.length else None

    def read(self, after: int, limit: int) -> Sequence[Entry]:
        """At most `limit` entries from index after + 1 on. Raises `LogCorrupt`; `LogError` when compacted away."""
        if after < self._base:
            message = f"entries up to {self._base} were replaced by a snapshot; {after + 1} was asked for"
            raise LogError(message)
        with self._file.explained():
            return [self._entry(*row) for row in self._rows(after, limit)]

    def append(self, entries: Sequence[Entry], *, expected_length: int, outbox: Sequence[Offer] | None = None) -> None:
        """Add entries, and replace the outbox when given, in one transaction. Raises `LogConflict`."""
        if expected_length != self.length:
            message = f"the log has {self.length} entries, not {expected_length}"
            raise LogConflict(message)
        rows = [self._row(expected_length + 1 + place, entry) for place, entry in enumerate(entries)]
        with self._transaction():
            self._file.connection.executemany("INSERT INTO entries VALUES (?, ?, ?, ?)", rows)
            self._outbox.write(outbox)
        self._chains.extend(entry.chain for entry in entries)

    def rollback(self, to_length: int, *, outbox: Sequence[Offer]) -> None:
        """Cut the log and replace the outbox in one transaction. Raises `LogError` below a snapshot."""
        if not self._base <= to_length <= self.length:
            message = f"the log holds entries {self.first_index} to {self.length} and cannot be cut to {to_length}"
            raise LogError(message)
        with self._transaction():
            self._file.connection.execute("DELETE FROM entries WHERE number > ?", (to_length,))
            self._outbox.write(outbox)
        del self._chains[to_length - self._base + 1 :]

    @property
    def outbox(self) -> Sequence[Offer]:
        """Facts that the log does not hold."""
        return self._outbox.offers

    def set_outbox(self, offers: Sequence[Offer]) -> None:
        """Replace the outbox."""
        with self._transaction():
            self._outbox.write(offers)

    @property
    def epoch(self) -> Epoch:
        """The highest epoch this node has ever accepted."""
        return self._epoch

    def set_epoch(self, epoch: Epoch) -> None:
        """Durable before it returns. Raises `LogError` if it would go back."""
        if epoch < self._epoch:
            message = f"the epoch may not go back from {self._epoch} to {epoch}"
            raise LogError(message)
        with self._transaction():
            self._write_record("epoch", encode_model(epoch))
        self._epoch = epoch

    @property
    def snapshot(self) -> Snapshot | None:
        """The newest snapshot, if any."""
        return self._snapshot

    def install_snapshot(self, snapshot: Snapshot, *, outbox: Sequence[Offer] | None = None) -> None:
        """Keep a snapshot and drop entries up to its index; all entries when the chain at its index is not ours."""
        ours = self.chain_at(snapshot.index) == snapshot.chain
        kept = self._chains[snapshot.index - self._base + 1 :] if ours else []
        with self._transaction():
            self._write_record("snapshot", encode_model(snapshot))
            self._file.connection.execute("DELETE FROM entries WHERE number <= ? OR ?", (snapshot.index, not ours))
            self._outbox.write(outbox)
        self._base, self._snapshot, self._chains = snapshot.index, snapshot, [snapshot.chain, *kept]

    @property
    def damage(self) -> str | None:
        """Damage is refused at opening, as yet."""
        return None

    def mended(self) -> None:
        """Nothing is remembered as broken, as yet."""

    def close(self) -> None:
        """Close the file."""
        self._file.connection.close()

    # rows ------------------------------------------------------------------------------------------------

    def _rows(self, after: int, limit: int) -> Iterator[tuple[int, bytes, bytes, int]]:
        statement = "SELECT number, body, chain, crc FROM entries WHERE number > ? ORDER BY number LIMIT ?"
        return cast("Iterator[tuple[int, bytes, bytes, int]]", self._file.connection.execute(statement, (after, limit)))

    def _row(self, number: int, entry: Entry) -> tuple[int, bytes, bytes, int]:
        body = body_of(entry.epoch, entry.event_id, entry.payload)
        return number, body, entry.chain, checksum(number, body + entry.chain)

    def _entry(self, number: int, body: bytes, chain: bytes, crc: int) -> Entry:
        if chain != self.chain_at(number) or crc != checksum(number, body + chain):
            raise LogCorrupt(self._file.damaged(f"entry {number} fails its check"))
        return entry_from(body, chain)

    def _check_row(self, number: int, body: bytes, chain: bytes, crc: int) -> None:
        """At opening: the checksum, the chain, and that no entry is missing."""
        if crc != checksum(number, body + chain):
            raise LogCorrupt(self._file.damaged(f"entry {number} fails its checksum"))
        if number != self.length + 1 or chain != next_chain(self._chains[-1], body):
            raise LogCorrupt(self._file.damaged(f"entry {number} does not continue the chain"))

    # records ---------------------------------------------------------------------------------------------

    def _read_epoch(self) -> Epoch:
        value = self._read_record("epoch")
        return NO_EPOCH if value is None else decode_model(Epoch, value)

    def _read_snapshot(self) -> Snapshot | None:
        value = self._read_record("snapshot")
        return None if value is None else decode_model(Snapshot, value)

    def _read_record(self, name: str) -> bytes | None:
        row = self._file.connection.execute("SELECT value, crc FROM records WHERE name = ?", (name,)).fetchone()
        if row is None:
            return None
        value, crc = cast("tuple[bytes, int]", row)
        if crc != checksum(0, value):
            raise LogCorrupt(self._file.damaged(f"its {name} fails its checksum"))
        return value

    def _write_record(self, name: str, value: bytes) -> None:
        self._file.connection.execute("REPLACE INTO records VALUES (?, ?, ?)", (name, value, checksum(0, value)))

    @contextmanager
    def _transaction(self) -> Generator[None]:
        """As the file's; when it fails, what is remembered of the outbox is what the disk has."""
        try:
            with self._file.transaction():
                yield
        except BaseException:
            self._outbox = SqliteOutbox(self._file)
            raise
