"""What a stream sends: normally each token by itself, and what waits together for a client that is behind."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from exo_core.requests import Channel, Chunk, ChunkLogprobs, FinishReason


@dataclass(kw_only=True)
class Delta:
    """Consecutive tokens of one choice and channel; `offsets` as in `ChoiceSoFar`."""

    choice: int
    channel: Channel
    texts: list[str] = field(default_factory=list[str])
    logprobs: list[ChunkLogprobs] = field(default_factory=list[ChunkLogprobs])
    offsets: list[int] = field(default_factory=list[int])
    finish: FinishReason | None = None

    def add(self, chunk: Chunk) -> None:
        """Take in the next token."""
        self.texts.append(chunk.text)
        self.finish = chunk.finish
        if chunk.logprobs is not None:
            self.logprobs.append(chunk.logprobs)
            self.offsets.append(chunk.text_from)

    @property
    def text(self) -> str:
        """All of it."""
        return "".join(self.texts)


def merged(chunks: Iterable[Chunk]) -> Sequence[Delta]:
    """As few deltas as possible: the order of a choice's tokens stays, choices do not wait for each other."""
    deltas: list[Delta] = []
    latest: dict[int, Delta] = {}
    for chunk in chunks:
        delta = latest.get(chunk.choice)
        if delta is None or delta.channel != chunk.channel:
            delta = latest[chunk.choice] = Delta(choice=chunk.choice, channel=chunk.channel)
            deltas.append(delta)
        delta.add(chunk)
    return deltas
