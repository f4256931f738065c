"""The outbox as a table: rows in order, of which only differences are written."""

from __future__ import annotations

from collections.abc import Sequence
from typing import final

from exo_core.log.outbox import fact_of
from exo_core.log.sqlite_file import SqliteFile
from exo_core.log.sqlite_rows import NumberedOffer, offer_row
from exo_core.state.events import Offer


@final
class SqliteOutbox:
    """The facts that the log does not hold, as the table has them."""

    def __init__(self, file: SqliteFile, rows: Sequence[NumberedOffer]) -> None:
        self._file = file
        self.rows = tuple(rows)
        self.offers = tuple(offer for _, offer in self.rows)
        """In the order in which they are to be offered."""

    def replaced(self, offers: Sequence[Offer] | None) -> SqliteOutbox:
        """Another one (None: the same), written inside the caller's transaction and true once that is finished."""
        if offers is None or tuple(offers) == self.offers:
            return self
        wanted = set(map(fact_of, offers))
        kept = [row for row in self.rows if fact_of(row[1]) in wanted]
        if [offer for _, offer in kept] != list(offers[: len(kept)]):  # something older came in front
            kept = []
        following = self.rows[-1][0] + 1 if self.rows else 1
        added = list(enumerate(offers[len(kept) :], start=following))
        self._write({number for number, _ in self.rows} - {number for number, _ in kept}, added)
        return SqliteOutbox(self._file, [*kept, *added])

    def _write(self, gone: set[int], added: Sequence[NumberedOffer]) -> None:
        connection = self._file.connection
        connection.executemany("DELETE FROM outbox WHERE number = ?", [(number,) for number in gone])
        connection.executemany("INSERT INTO outbox VALUES (?, ?, ?)", [offer_row(*row) for row in added])
