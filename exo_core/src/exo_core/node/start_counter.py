"""Counts the starts of runners on this machine: a number is never given twice, also not after a restart of the node."""

from __future__ import annotations

from pathlib import Path
from typing import final

from exo_core.errors import HomeError
from exo_core.whole_files import replace_file


@final
class StartCounter:
    """A number in a file, durable before it is used."""

    def __init__(self, file: Path) -> None:
        self._file = file
        try:
            self._last = int(file.read_text(encoding="ascii"))
        except FileNotFoundError:
            self._last = 0
        except ValueError as problem:
            message = f"cannot read {file} ({problem}). Write a number into it that is larger than any before"
            raise HomeError(message) from problem

    def next(self) -> int:
        """The next number, from 1."""
        self._last += 1
        replace_file(self._file, str(self._last).encode("ascii"))
        return self._last
