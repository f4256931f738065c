"""How many rows may a step have? Half as many after one that failed, and more again while all goes well."""

from __future__ import annotations

import logging
from typing import Final, final

logger = logging.getLogger(__name__)

PATIENCE: Final = 64
"""Steps of as many rows as are allowed that have to go well before twice as many are."""
MOST_PATIENCE: Final = 64 * PATIENCE
UNLIMITED: Final = 256
"""Rows; no step has more (`scheduler.MOST_OPEN`)."""


@final
class RowLimit:
    """A step of several rows fails because of one of them, or because there is no memory for so many.

    Memory may be there again later, but a failure costs everybody's caches: after each the patience is twice as long.
    """

    def __init__(self) -> None:
        self.most: int | None = None
        """None: no step of several has failed, or it is long ago."""
        self._patience = PATIENCE
        self._went_well = 0
        self._before: list[tuple[int | None, int]] = []
        """What held before each failure that nobody was found to be to blame for yet."""

    def failed(self, rows: int) -> None:
        """A step of several rows did."""
        self._before.append((self.most, self._patience))
        if self.most is not None:
            self._patience = min(2 * self._patience, MOST_PATIENCE)
        self.most, self._went_well = rows // 2, 0
        logger.warning("a step of %d rows failed; until some have gone well a step has %d at most", rows, self.most)

    def one_was_to_blame(self) -> None:
        """One of those in the step that failed has failed alone too: their number was all right."""
        if self._before:
            self.most, self._patience = self._before.pop()

    def went_well(self, rows: int) -> None:
        """A step of so many rows did; fewer than are allowed prove nothing."""
        if self.most is None or rows < self.most:
            return
        self._went_well += 1
        if self._went_well >= self._patience:
            self._went_well = 0
            self._before.clear()  # too many they were
            self.most = None if 2 * self.most >= UNLIMITED else 2 * self.most
