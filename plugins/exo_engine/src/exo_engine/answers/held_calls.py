"""Calls that a grammar holds to their notation: what is written so far is certain."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import final

from exo_engine.answers.calls import ToolText
from exo_engine.answers.tool_format import NotationReader


@final
class HeldCalls:
    """See `Calls`. One that is cut off before its name is complete is never heard of."""

    def __init__(self, new_reader: Callable[[], NotationReader]) -> None:
        self._new_reader = new_reader
        self._reader = new_reader()
        self.count = 0

    def begin(self, marker: str) -> Iterator[ToolText]:
        """See `Calls`."""
        self._reader = self._new_reader()
        yield from self.add(marker)

    def add(self, text: str) -> Iterator[ToolText]:
        """See `Calls`."""
        for piece in self._reader.add(text):
            if piece.name is not None:
                self.count += 1
            yield ToolText(self.count - 1, piece.arguments, piece.name)

    def end(self, marker: str) -> Iterator[ToolText | str]:
        """See `Calls`."""
        yield from self.add(marker)
