"""What every part of one answer repeats: its id, its time, its model."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import Literal

from exo_core.frozen import JsonValue
from exo_core.identifiers import RequestId

Kind = Literal["chat.completion", "chat.completion.chunk", "text_completion"]


@dataclass(frozen=True, kw_only=True)
class CompletionHead:
    """`created` is Unix time, seconds."""

    request_id: RequestId
    model: str
    prefix: Literal["chatcmpl-", "cmpl-"] = "chatcmpl-"
    created: int = field(default_factory=lambda: int(time.time()))

    def document(self, kind: Kind) -> dict[str, JsonValue]:
        """The common fields."""
        return {"id": f"{self.prefix}{self.request_id}", "object": kind, "created": self.created, "model": self.model}
