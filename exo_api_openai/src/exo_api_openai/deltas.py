"""What a stream sends: normally each token by itself, and what waits together for a client that is behind."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from exo_core.requests import Channel, Chunk, ChunkLogprobs, FinishReason, Piece


@dataclass(kw_only=True)
class Delta:
    """Consecutive text of one choice and channel, of a tool's call too; `offsets` as in `ChoiceSoFar`."""

    choice: int
    channel: Channel
    call: int | None = None
    name: str | None = None
    """Of the function, where a call begins here."""
    texts: list[str] = field(default_factory=list[str])
    logprobs: list[ChunkLogprobs] = field(default_factory=list[ChunkLogprobs])
    offsets: list[int] = field(default_factory=list[int])
    finish: FinishReason | None = None

    def tell(self, chunk: Chunk) -> None:
        """What is said of a token beside its text."""
        if chunk.logprobs is not None:
            self.logprobs.append(chunk.logprobs)
            self.offsets.append(chunk.text_from)

    def goes_on_with(self, piece: Piece) -> bool:
        """Whether a piece can be put to it."""
        return (self.channel, self.call) == (piece.channel, piece.call) and piece.name is None

    @property
    def text(self) -> str:
        """All of it."""
        return "".join(self.texts)


def merged(chunks: Iterable[Chunk]) -> Sequence[Delta]:
    """As few deltas as possible: the order of a choice's tokens stays, choices do not wait for each other."""
    deltas: list[Delta] = []
    latest: dict[int, Delta] = {}
    for chunk in chunks:
        first = len(deltas)
        for piece in chunk.pieces:
            delta = latest.get(chunk.choice)
            if delta is None or not delta.goes_on_with(piece):
                delta = latest[chunk.choice] = Delta(
                    choice=chunk.choice, channel=piece.channel, call=piece.call, name=piece.name
                )
                deltas.append(delta)
            delta.texts.append(piece.text)
        told = deltas[first] if len(deltas) > first else latest[chunk.choice]
        told.tell(chunk)
        latest[chunk.choice].finish = chunk.finish
    return deltas
