"""Counting tokens for the bill nobody sends."""

from __future__ import annotations

from dataclasses import dataclass

from exo_core.frozen import JsonValue
from exo_core.requests import Accepted, Answer, Chunk, Progress


@dataclass(kw_only=True)
class Usage:
    """Tokens of one request, all choices together."""

    accepted: Accepted
    cached: int = 0
    completion: int = 0
    reasoning: int = 0

    def take(self, answer: Answer) -> None:
        """One more token, or how many of the prompt's were not computed again."""
        if isinstance(answer, Chunk):
            self.completion += 1
            self.reasoning += answer.channel == "reasoning"
        elif isinstance(answer, Progress):
            self.cached = max(self.cached, answer.cached)

    def document(self) -> dict[str, JsonValue]:
        """OpenAI's `usage`."""
        return usage_document(
            prompt=len(self.accepted.prompt_ids),
            completion=self.completion,
            cached=self.cached,
            reasoning=self.reasoning,
        )


def usage_document(*, prompt: int, completion: int = 0, cached: int = 0, reasoning: int = 0) -> dict[str, JsonValue]:
    """OpenAI's `usage`, in tokens."""
    return {
        "prompt_tokens": prompt,
        "completion_tokens": completion,
        "total_tokens": prompt + completion,
        "prompt_tokens_details": {"cached_tokens": cached},
        "completion_tokens_details": {"reasoning_tokens": reasoning},
    }
