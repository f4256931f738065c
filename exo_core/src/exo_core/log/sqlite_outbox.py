"""The outbox as a table: rows in order, each with its checksum. Only differences are written."""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast, final

from exo_core.errors import LogCorrupt
from exo_core.log.sqlite_file import SqliteFile, checksum
from exo_core.state.events import Offer
from exo_core.wire.codec import decode_model, encode_model


@final
class SqliteOutbox:
    """The facts that the log does not hold."""

    def __init__(self, file: SqliteFile) -> None:
        self._file = file
        self._rows: tuple[tuple[int, Offer], ...] = tuple(self._read())

    @property
    def offers(self) -> Sequence[Offer]:
        """In the order in which they are to be offered."""
        return tuple(offer for _, offer in self._rows)

    def write(self, offers: Sequence[Offer] | None) -> None:
        """Replace it (None: leave it), inside the caller's transaction."""
        if offers is None or tuple(offers) == self.offers:
            return
        wanted = {(offer.event_id.origin, offer.event_id.seq) for offer in offers}
        kept = [row for row in self._rows if (row[1].event_id.origin, row[1].event_id.seq) in wanted]
        if [offer for _, offer in kept] != list(offers[: len(kept)]):  # something older came in front
            kept = []
        gone = {number for number, _ in self._rows} - {number for number, _ in kept}
        self._file.connection.executemany("DELETE FROM outbox WHERE number = ?", [(number,) for number in gone])
        self._rows = (*kept, *(self._insert(offer) for offer in offers[len(kept) :]))

    def _insert(self, offer: Offer) -> tuple[int, Offer]:
        encoded = encode_model(offer)
        statement = "INSERT INTO outbox (offer, crc) VALUES (?, ?)"
        number = self._file.connection.execute(statement, (encoded, checksum(0, encoded))).lastrowid
        return cast("int", number), offer

    def _read(self) -> list[tuple[int, Offer]]:
        found = self._file.connection.execute("SELECT number, offer, crc FROM outbox ORDER BY number").fetchall()
        return [self._checked(*row) for row in cast("list[tuple[int, bytes, int]]", found)]

    def _checked(self, number: int, offer: bytes, crc: int) -> tuple[int, Offer]:
        if crc != checksum(0, offer):
            raise LogCorrupt(self._file.damaged(f"row {number} of the outbox fails its checksum"))
        return number, decode_model(Offer, offer)
