"""What does the file hold that passes every check, and what does not?

Nothing is believed: not that SQLite's own structures are sound (its integrity check), not that the tables are ours, not
that rows are what was written (their checksums and the chain), nor that all of them are there (the marks). What is
found before a problem of one part is kept, and the other parts are looked at all the same.
"""

from __future__ import annotations

from collections.abc import Generator, Iterable
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import cast

from exo_core.errors import LogCorrupt, LogError, WireError
from exo_core.event_logs import Snapshot
from exo_core.identifiers import NO_EPOCH, Epoch
from exo_core.log.chain import GENESIS, entry_from, next_chain
from exo_core.log.mark import Mark
from exo_core.log.sqlite_errors import reason
from exo_core.log.sqlite_file import SqliteFile
from exo_core.log.sqlite_records import read_records
from exo_core.log.sqlite_rows import FORMAT, TABLES, Columns, NumberedOffer, sound_entry, sound_offer
from exo_core.wire.codec import decode_model

_JOURNAL_KINDS = slice(18, 20)
_WRITE_AHEAD_LOG = b"\x02\x02"
"""What SQLite's file format has at that place: another value there makes it read-only or not SQLite's at all."""


@dataclass
class Findings:
    """What of a file passed every check; `problems` says what did not, in words for people."""

    format: int = FORMAT
    mark: Mark | None = None
    epoch: Epoch = NO_EPOCH
    snapshot: Snapshot | None = None
    damage: str | None = None
    chains: list[bytes] = field(default_factory=lambda: [GENESIS])
    """After each entry held; the first is the one before them."""
    offers: list[NumberedOffer] = field(default_factory=list[NumberedOffer])
    problems: list[str] = field(default_factory=list[str])

    @property
    def base(self) -> int:
        """How many entries the snapshot replaces."""
        return self.snapshot.index if self.snapshot else 0

    @property
    def length(self) -> int:
        """Entries of the log, compacted ones included."""
        return self.base + len(self.chains) - 1


def examine(file: SqliteFile, beside: Mark | None) -> Findings:
    """Look at all of it. Raises `LogError` for a file of a newer exo, and for what is no matter of its content."""
    found = Findings()
    for part in (_read_records, _check_structure, _read_entries, _read_outbox):
        with _noting(file, found):
            part(file, found)
    if found.format == FORMAT:
        _compare(found, beside)
    return found


@contextmanager
def _noting(file: SqliteFile, found: Findings) -> Generator[None]:
    try:
        with file.explained():
            yield
    except LogCorrupt as problem:
        found.problems.append(reason(problem))


def _read_records(file: SqliteFile, found: Findings) -> None:
    values, whole = read_records(file.connection)
    found.format = int(values.get("format", b"1")) if "format" in values or "mark" not in values else FORMAT
    if found.format > FORMAT:
        message = f"{file.path} has format {found.format} and this exo reads {FORMAT}; run the newer exo that wrote it"
        raise LogError(message)
    if found.format == FORMAT and not (whole and {"format", "mark"} <= values.keys()):
        found.problems.append("one of its records fails its checksum")
    found.damage = values["damage"].decode() if "damage" in values else None
    try:
        found.mark = decode_model(Mark, values["mark"]) if "mark" in values else None
        found.epoch = found.mark.epoch if found.mark else decode_model(Epoch, values.get("epoch", b"\x80"))
        found.snapshot = decode_model(Snapshot, values["snapshot"]) if "snapshot" in values else None
    except (WireError, UnicodeDecodeError) as problem:
        found.problems.append(f"a record that passes its checksum: {problem}")
    found.chains = [found.snapshot.chain if found.snapshot else GENESIS]


def _check_structure(file: SqliteFile, found: Findings) -> None:
    with file.path.open("rb") as content:
        if content.read(_JOURNAL_KINDS.stop)[_JOURNAL_KINDS] != _WRITE_AHEAD_LOG:
            found.problems.append("its header is wrong")
    (verdict,) = cast("tuple[str]", file.connection.execute("PRAGMA integrity_check(1)").fetchone())
    if verdict != "ok":
        found.problems.append(verdict.splitlines()[-1])  # the first says in which database
    tables = "SELECT name, sql FROM sqlite_schema WHERE sql IS NOT NULL"
    if found.format == FORMAT and dict(file.connection.execute(tables).fetchall()) != TABLES:
        found.problems.append("its tables are not ours")


def _read_entries(file: SqliteFile, found: Findings) -> None:
    """Up to the first that is wrong or missing."""
    statement = "SELECT number, body, chain, crc FROM entries WHERE number > ? ORDER BY number"
    for columns in cast("Iterable[Columns]", file.connection.execute(statement, (found.base,))):
        number = found.length + 1
        row = sound_entry(columns)
        if row is None:
            found.problems.append(f"entry {number} fails its checksum")
            return
        if row.number != number or row.chain != next_chain(found.chains[-1], row.body):
            found.problems.append(f"entry {number} is missing or does not continue the chain")
            return
        try:
            entry_from(row.body, row.chain)
        except LogCorrupt:
            found.problems.append(f"entry {number} passes its checks and has no meaning")
            return
        found.chains.append(row.chain)


def _read_outbox(file: SqliteFile, found: Findings) -> None:
    rows = cast("Iterable[Columns]", file.connection.execute("SELECT number, offer, crc FROM outbox ORDER BY number"))
    for columns in rows:
        offer = sound_offer(columns)
        if offer is None:
            found.problems.append("a row of its outbox fails its checksum")
        else:
            found.offers.append(offer)


def _compare(found: Findings, beside: Mark | None) -> None:
    """Whether all that was written is there."""
    mark = found.mark or Mark()
    if (found.length, found.chains[-1], len(found.offers)) != (mark.length, mark.chain, mark.offers):
        found.problems.append(f"it ends at entry {found.length} and ended at {mark.length}")
    if beside is not None and beside.writes > mark.writes:
        found.problems.append(f"its last {beside.writes - mark.writes} writes, up to entry {beside.length}, are gone")
