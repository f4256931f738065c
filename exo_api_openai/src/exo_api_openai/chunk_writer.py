"""The lines of a streamed chat completion."""

from __future__ import annotations

import json
from typing import final

from exo_api_openai.completion_head import CHANNEL_FIELDS, CompletionHead
from exo_api_openai.deltas import Delta
from exo_api_openai.logprobs import logprobs_document
from exo_api_openai.usage import Usage
from exo_core.frozen import JsonValue
from exo_http.errors import ApiError, error_body

DONE = b"data: [DONE]\n\n"
_encode = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode


@final
class ChunkWriter:
    """Turns deltas into server-sent lines. What all of them share is encoded once."""

    def __init__(self, head: CompletionHead, *, include_usage: bool) -> None:
        self._head = head.document("chat.completion.chunk")
        self._before = "data: " + _encode(self._head)[:-1] + ',"choices":['
        self._after = '],"usage":null}\n\n' if include_usage else "]}\n\n"

    def role(self, choice: int) -> bytes:
        """The first chunk of a choice."""
        return self._line({"index": choice, "delta": {"role": "assistant", "content": ""}, "finish_reason": None})

    def delta(self, delta: Delta) -> bytes:
        """Text, and why it ends if it does."""
        text, field = delta.text, CHANNEL_FIELDS[delta.channel]
        choice: dict[str, JsonValue] = {
            "index": delta.choice,
            "delta": {field: text} if text or delta.finish is None else {},
            "finish_reason": delta.finish,
        }
        if delta.logprobs:
            choice["logprobs"] = logprobs_document(delta.logprobs)
        return self._line(choice)

    def usage(self, usage: Usage) -> bytes:
        """The chunk without choices that counts tokens."""
        return f"data: {_encode({**self._head, 'choices': [], 'usage': usage.document()})}\n\n".encode()

    def error(self, error: ApiError) -> bytes:
        """The last line of an answer that cannot be completed."""
        return f"data: {_encode(error_body(error.status, error.code, error.message, error.param))}\n\n".encode()

    def _line(self, choice: dict[str, JsonValue]) -> bytes:
        return f"{self._before}{_encode(choice)}{self._after}".encode()
