"""The lines of a streamed completion."""

from __future__ import annotations

import json
from typing import final

from exo_api_openai.choice_format import ChoiceFormat
from exo_api_openai.deltas import Delta
from exo_api_openai.usage import Usage
from exo_core.frozen import JsonValue
from exo_http.errors import ApiError, error_body

DONE = b"data: [DONE]\n\n"
_encode = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode


@final
class ChunkWriter:
    """Turns deltas into server-sent lines. What all of them share (`head`) is encoded once."""

    def __init__(self, head: dict[str, JsonValue], choices: ChoiceFormat, *, include_usage: bool) -> None:
        self._head = head
        self._choices = choices
        self._before = "data: " + _encode(head)[:-1] + ',"choices":['
        self._after = '],"usage":null}\n\n' if include_usage else "]}\n\n"

    def opening(self, count: int) -> bytes:
        """What comes before the first token of any of `count` choices."""
        openings = [self._choices.opening(index) for index in range(count)]
        return b"".join(self._line(choice) for choice in openings if choice is not None)

    def delta(self, delta: Delta) -> bytes:
        """Text, and why it ends if it does."""
        return self._line(self._choices.delta(delta))

    def usage(self, usage: Usage) -> bytes:
        """The chunk without choices that counts tokens."""
        return f"data: {_encode({**self._head, 'choices': [], 'usage': usage.document()})}\n\n".encode()

    def error(self, error: ApiError) -> bytes:
        """The last line of an answer that cannot be completed."""
        return f"data: {_encode(error_body(error.status, error.code, error.message, error.param))}\n\n".encode()

    def _line(self, choice: dict[str, JsonValue]) -> bytes:
        return f"{self._before}{_encode(choice)}{self._after}".encode()
