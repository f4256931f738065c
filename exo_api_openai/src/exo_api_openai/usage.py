"""Counting tokens for the bill nobody sends."""

from __future__ import annotations

from dataclasses import dataclass

from exo_core.frozen import JsonValue
from exo_core.requests import Accepted, Chunk


@dataclass(kw_only=True)
class Usage:
    """Tokens of one request, all choices together."""

    accepted: Accepted
    completion: int = 0
    reasoning: int = 0

    def add(self, chunk: Chunk) -> None:
        """One more token."""
        self.completion += 1
        self.reasoning += chunk.channel == "reasoning"

    def document(self) -> dict[str, JsonValue]:
        """OpenAI's `usage`."""
        prompt = len(self.accepted.prompt_ids)
        return {
            "prompt_tokens": prompt,
            "completion_tokens": self.completion,
            "total_tokens": prompt + self.completion,
            "prompt_tokens_details": {"cached_tokens": self.accepted.cached},
            "completion_tokens_details": {"reasoning_tokens": self.reasoning},
        }
