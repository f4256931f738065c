"""What becomes of the stretches of an answer in which a model calls tools."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True)
class ToolText:
    """Some of the arguments of call number `call`, as JSON; with `name` it begins."""

    call: int
    arguments: str
    name: str | None = None


class Calls(Protocol):
    """Those of one choice, a stretch after the other. Markers are given too: what is no call after all is text."""

    @property
    def count(self) -> int:
        """How many there are."""
        ...

    def begin(self, marker: str) -> Iterator[ToolText]:
        """A stretch begins behind that marker."""
        ...

    def add(self, text: str) -> Iterator[ToolText]:
        """More of it; what became certain."""
        ...

    def end(self, marker: str) -> Iterator[ToolText | str]:
        """It ends with that marker, or without one with the answer: the rest, and as a string what is no call."""
        ...
