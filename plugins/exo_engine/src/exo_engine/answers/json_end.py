"""Where a JSON object ends that comes in pieces."""

from __future__ import annotations

from typing import final


@final
class JsonEnd:
    """Counts brackets outside of strings; whether it is JSON at all, others see to."""

    def __init__(self) -> None:
        self._depth = 0
        self._in_string = False
        self._is_escaped = False

    def add(self, text: str) -> int | None:
        """How much of `text` belongs to the object, if it ends there; None: all of it, and it goes on."""
        for at, character in enumerate(text):
            if self._in_string:
                self._read_in_string(character)
            elif character == '"':
                self._in_string = True
            elif character in "{[":
                self._depth += 1
            elif character in "}]":
                self._depth -= 1
                if self._depth <= 0:
                    return at + 1
        return None

    def _read_in_string(self, character: str) -> None:
        if self._is_escaped:
            self._is_escaped = False
        elif character == "\\":
            self._is_escaped = True
        elif character == '"':
            self._in_string = False
