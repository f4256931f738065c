"""What every part of one answer repeats: its id, its time, its model."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import Literal

from exo_core.frozen import JsonValue
from exo_core.identifiers import RequestId
from exo_core.requests import Channel

CHANNEL_FIELDS: dict[Channel, str] = {"content": "content", "reasoning": "reasoning_content"}
"""Where a channel's text goes. Requests with tools are refused, so no engine sends on that channel."""


@dataclass(frozen=True, kw_only=True)
class CompletionHead:
    """`created` is Unix time, seconds."""

    request_id: RequestId
    model: str
    created: int = field(default_factory=lambda: int(time.time()))

    def document(self, kind: Literal["chat.completion", "chat.completion.chunk"]) -> dict[str, JsonValue]:
        """The common fields."""
        return {"id": f"chatcmpl-{self.request_id}", "object": kind, "created": self.created, "model": self.model}
