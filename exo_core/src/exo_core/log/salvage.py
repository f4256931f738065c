"""What of a damaged log is kept: the right prefix, and every fact that can still be read.

This disk may be the only one that holds a fact, so nothing that passes its checksum is given up. Entries behind the
first bad one cannot stay in the log, whose chain is broken there; their facts are offered anew, in their order. A fact
from an earlier version of a page may be among them: it was true then, and whoever knows it already skips it.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import cast

from exo_core.errors import LogCorrupt, WireError
from exo_core.event_logs import Snapshot
from exo_core.identifiers import NO_EPOCH, Epoch, Origin
from exo_core.log.chain import GENESIS, entry_from, next_chain
from exo_core.log.mark import Mark
from exo_core.log.outbox import after_cut, fact_of, facts_of
from exo_core.log.sqlite_examination import Findings
from exo_core.log.sqlite_file import SqliteFile
from exo_core.log.sqlite_rows import Columns, EntryRow, sound_entry, sound_offer, sound_record
from exo_core.state.events import Entry, Offer
from exo_core.wire.codec import decode_model


@dataclass
class Contents:
    """All that a file is to hold."""

    snapshot: Snapshot | None = None
    rows: Sequence[EntryRow] = ()
    offers: Sequence[Offer] = ()
    epoch: Epoch = NO_EPOCH
    writes: int = 0
    damage: str | None = None

    @property
    def mark(self) -> Mark:
        """What a file with this content is marked with."""
        base, chain = (self.snapshot.index, self.snapshot.chain) if self.snapshot else (0, GENESIS)
        return Mark(
            writes=self.writes,
            length=base + len(self.rows),
            chain=self.rows[-1].chain if self.rows else chain,
            offers=len(self.offers),
            epoch=self.epoch,
        )


@dataclass
class Scraps:
    """What stands in the pages of a file, some of it perhaps from earlier versions of a page."""

    entries: dict[tuple[int, bytes], Entry] = field(default_factory=dict[tuple[int, bytes], Entry])
    """By number and chain: there may be entries of another history, which was cut."""
    offers: list[Offer] = field(default_factory=list[Offer])
    snapshot: Snapshot | None = None
    marks: list[Mark] = field(default_factory=list[Mark])

    def add(self, columns: Columns) -> None:
        """Keep a row that passes its checksum."""
        match columns:
            case (number, None, body, chain, crc) if row := sound_entry((number, body, chain, crc)):
                with suppress(LogCorrupt):
                    self.entries[row.number, row.chain] = entry_from(row.body, row.chain)
            case (number, None, offer, crc) if row := sound_offer((number, offer, crc)):
                self.offers.append(row[1])
            case (_, name, value, crc) if row := sound_record((name, value, crc)):
                with suppress(WireError):
                    self._add_record(row.name, row.value)
            case _:
                pass

    def _add_record(self, name: str, value: bytes) -> None:
        if name.startswith("mark"):
            self.marks.append(decode_model(Mark, value))
        elif name.startswith("snapshot"):
            snapshot = decode_model(Snapshot, value)
            if self.snapshot is None or snapshot.index > self.snapshot.index:
                self.snapshot = snapshot


def salvaged(file: SqliteFile | None, found: Findings, scraps: Scraps, beside: Mark | None) -> Contents:
    """What is kept of a file (None: SQLite does not open it) in which that was found, and those scraps."""
    snapshot = found.snapshot or scraps.snapshot
    rows = list(_prefix(file, snapshot)) if file else []
    behind = [scraps.entries[place] for place in sorted(scraps.entries)]
    readable = after_cut(behind, [*(offer for _, offer in found.offers), *scraps.offers])
    marks = [mark for mark in (found.mark, beside, *scraps.marks) if mark]
    epochs = [found.epoch, *(mark.epoch for mark in marks), *(entry.epoch for entry in scraps.entries.values())]
    return Contents(
        snapshot=snapshot,
        rows=rows,
        offers=in_order(without(readable, rows, snapshot)),
        epoch=max([*epochs, snapshot.last_epoch] if snapshot else epochs),
        writes=max((mark.writes for mark in marks), default=0) + 1,
    )


def without(offers: Iterable[Offer], rows: Iterable[EntryRow], snapshot: Snapshot | None) -> Iterator[Offer]:
    """Those offers that neither the entries nor the snapshot hold."""
    held = {fact_of(offer) for offer in facts_of(entry_from(row.body, row.chain) for row in rows)}
    last_seqs = dict(snapshot.last_seqs) if snapshot else {}
    holes = set(snapshot.holes) if snapshot else set[tuple[Origin, int]]()
    for offer in offers:
        origin, seq = fact_of(offer)
        covered = seq <= last_seqs.get(origin, 0) and (origin, seq) not in holes
        if (origin, seq) not in held and not covered:
            yield offer


def in_order(offers: Iterable[Offer]) -> list[Offer]:
    """The same, each origin's in the order of their numbers, at the places where that origin's stood."""
    listed = list(offers)
    waiting: dict[Origin, deque[Offer]] = {}
    for offer in sorted(listed, key=lambda offer: offer.event_id.seq):
        waiting.setdefault(offer.event_id.origin, deque()).append(offer)
    return [waiting[offer.event_id.origin].popleft() for offer in listed]


def _prefix(file: SqliteFile, snapshot: Snapshot | None) -> Iterator[EntryRow]:
    """The entries that continue the snapshot, as far as they can be read."""
    number, chain = (snapshot.index, snapshot.chain) if snapshot else (0, GENESIS)
    statement = "SELECT number, body, chain, crc FROM entries WHERE number > ? ORDER BY number"
    with suppress(LogCorrupt), file.explained():
        for columns in cast("Iterable[Columns]", file.connection.execute(statement, (number,))):
            row = sound_entry(columns)
            if row is None or row.number != number + 1 or row.chain != next_chain(chain, row.body):
                return
            entry_from(row.body, row.chain)
            yield row
            number, chain = row.number, row.chain
