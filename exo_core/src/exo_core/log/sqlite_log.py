"""`EventLog` in one SQLite file: every write is one transaction that is on the disk when the call returns.

Rows carry a CRC-32 over their index and content besides the chain, so that a flipped bit is found when it is read, and
each write leaves a mark of where the log then stood, so that a missing end is found too. What is kept in memory (the
chains, the outbox, the mark) changes only after the disk has.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import cast, final

from exo_core.errors import LogConflict, LogError
from exo_core.event_logs import Snapshot
from exo_core.identifiers import Epoch
from exo_core.log.chain import entry_from
from exo_core.log.mark import Mark, MarkFile
from exo_core.log.sqlite_errors import damaged
from exo_core.log.sqlite_opening import opened
from exo_core.log.sqlite_outbox import SqliteOutbox
from exo_core.log.sqlite_rebuilding import MARK_NAME
from exo_core.log.sqlite_records import delete_record, write_record
from exo_core.log.sqlite_rows import Columns, entry_row, insert_entries, sound_entry
from exo_core.state.events import Entry, Offer
from exo_core.wire.codec import encode_model


@final
class SqliteLog:
    """The log in `folder`/log.sqlite. Opening checks every row; a damaged file is set aside. Raises `LogError`."""

    def __init__(self, folder: Path) -> None:
        self._file, found = opened(folder)
        self._beside = MarkFile(folder / MARK_NAME)
        self._mark = found.mark or Mark()
        self._snapshot = found.snapshot
        self._damage = found.damage
        self._base = found.base
        self._chains = found.chains
        self._outbox = SqliteOutbox(self._file, found.offers)
        self._beside.write(self._mark)

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
        statement = "SELECT number, body, chain, crc FROM entries WHERE number > ? ORDER BY number LIMIT ?"
        wanted = range(after + 1, min(after + limit, self.length) + 1)
        with self._file.explained():
            rows = cast("list[Columns]", self._file.connection.execute(statement, (after, len(wanted))).fetchall())
        if len(rows) != len(wanted):
            raise damaged(self._file.path, f"{len(wanted) - len(rows)} entries after {after} are missing")
        return [self._entry(number, columns) for number, columns in zip(wanted, rows, strict=True)]

    def append(self, entries: Sequence[Entry], *, expected_length: int, outbox: Sequence[Offer] | None = None) -> None:
        """Add entries, and replace the outbox when given, in one transaction. Raises `LogConflict`, `LogFull`."""
        if expected_length != self.length:
            message = f"the log has {self.length} entries, not {expected_length}"
            raise LogConflict(message)
        rows = [entry_row(number, entry) for number, entry in enumerate(entries, start=expected_length + 1)]
        chain = rows[-1].chain if rows else None
        with self._writing(outbox, length=expected_length + len(rows), chain=chain) as writer:
            insert_entries(writer, rows)
        self._chains.extend(row.chain for row in rows)

    def rollback(self, to_length: int, *, outbox: Sequence[Offer]) -> None:
        """Cut the log and replace the outbox in one transaction. Raises `LogFull`; `LogError` below a snapshot."""
        if not self._base <= to_length <= self.length:
            message = f"the log holds entries {self.first_index} to {self.length} and cannot be cut to {to_length}"
            raise LogError(message)
        kept = to_length - self._base + 1
        with self._writing(outbox, length=to_length, chain=self._chains[kept - 1]) as writer:
            writer.execute("DELETE FROM entries WHERE number > ?", (to_length,))
        del self._chains[kept:]

    @property
    def outbox(self) -> Sequence[Offer]:
        """Facts that the log does not hold."""
        return self._outbox.offers

    def set_outbox(self, offers: Sequence[Offer]) -> None:
        """Replace the outbox. Raises `LogFull`."""
        with self._writing(offers):
            pass

    @property
    def epoch(self) -> Epoch:
        """The highest epoch this node has ever accepted."""
        return self._mark.epoch

    def set_epoch(self, epoch: Epoch) -> None:
        """Durable before it returns. Raises `LogFull`; `LogError` if it would go back."""
        if epoch < self.epoch:
            message = f"the epoch may not go back from {self.epoch} to {epoch}"
            raise LogError(message)
        with self._writing(epoch=epoch):
            pass

    @property
    def snapshot(self) -> Snapshot | None:
        """The newest snapshot, if any."""
        return self._snapshot

    def install_snapshot(self, snapshot: Snapshot, *, outbox: Sequence[Offer] | None = None) -> None:
        """Keep a snapshot and drop entries up to its index; all entries when the chain at its index is not ours."""
        ours = self.chain_at(snapshot.index) == snapshot.chain
        chains = [snapshot.chain, *(self._chains[snapshot.index - self._base + 1 :] if ours else ())]
        with self._writing(outbox, length=snapshot.index + len(chains) - 1, chain=chains[-1]) as writer:
            write_record(writer, "snapshot", encode_model(snapshot))
            writer.execute("DELETE FROM entries WHERE number <= ? OR ?", (snapshot.index, not ours))
        self._base, self._snapshot, self._chains = snapshot.index, snapshot, chains

    @property
    def damage(self) -> str | None:
        """What was found broken at opening and is not yet replaced, in a sentence for people; None: all is sound."""
        return self._damage

    def mended(self) -> None:
        """What was broken has been fetched from others: forget the damage. Raises `LogFull`."""
        if self._damage is None:
            return
        with self._writing() as writer:
            delete_record(writer, "damage")
        self._damage = None

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    @contextmanager
    def _writing(
        self,
        outbox: Sequence[Offer] | None = None,
        *,
        length: int | None = None,
        chain: bytes | None = None,
        epoch: Epoch | None = None,
    ) -> Generator[sqlite3.Connection]:
        """One transaction with its mark; what is not given stays. Memory follows once it is on the disk."""
        with self._file.transaction():
            yield self._file.connection
            after = self._outbox.replaced(outbox)
            mark = Mark(
                writes=self._mark.writes + 1,
                length=self._mark.length if length is None else length,
                chain=self._mark.chain if chain is None else chain,
                offers=len(after.rows),
                epoch=self._mark.epoch if epoch is None else epoch,
            )
            write_record(self._file.connection, "mark", encode_model(mark))
        self._outbox, self._mark = after, mark
        self._beside.write(mark)

    def _entry(self, number: int, columns: Columns) -> Entry:
        row = sound_entry(columns)
        if row is None or row.number != number or row.chain != self.chain_at(number):
            raise damaged(self._file.path, f"entry {number} fails its check")
        return entry_from(row.body, row.chain)
