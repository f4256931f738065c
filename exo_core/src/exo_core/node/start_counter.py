"""Counts the starts of runners on this machine: a number is never given twice, also not after a restart of the node."""

from __future__ import annotations

import os
from pathlib import Path
from typing import final


@final
class StartCounter:
    """A number in a file, durable before it is used."""

    def __init__(self, file: Path) -> None:
        self._file = file
        try:
            self._last = int(file.read_text(encoding="ascii"))
        except (FileNotFoundError, ValueError):
            self._last = 0  # ValueError: cut off while it was written, so its number was never used

    def next(self) -> int:
        """The next number, from 1."""
        self._last += 1
        beside = self._file.with_name(f".{self._file.name}.new")
        with beside.open("w", encoding="ascii") as file:
            file.write(str(self._last))
            file.flush()
            os.fsync(file.fileno())
        beside.replace(self._file)
        return self._last
