"""One choice of an answer, growing token by token."""

from __future__ import annotations

from dataclasses import dataclass, field

from exo_core.requests import Channel, Chunk, ChunkLogprobs, FinishReason


@dataclass(kw_only=True)
class ChoiceSoFar:
    """`offsets` has, for each of `logprobs`, the characters of the choice before the token's text."""

    texts: dict[Channel, list[str]] = field(default_factory=dict[Channel, list[str]])
    logprobs: list[ChunkLogprobs] = field(default_factory=list[ChunkLogprobs])
    offsets: list[int] = field(default_factory=list[int])
    finish: FinishReason | None = None

    def add(self, chunk: Chunk) -> None:
        """One more token."""
        self.texts.setdefault(chunk.channel, []).append(chunk.text)
        self.finish = chunk.finish
        if chunk.logprobs is not None:
            self.logprobs.append(chunk.logprobs)
            self.offsets.append(chunk.text_from)

    def text(self, channel: Channel) -> str:
        """All of it."""
        return "".join(self.texts.get(channel, ()))
