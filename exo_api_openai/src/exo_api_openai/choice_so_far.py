"""One choice of an answer, growing token by token."""

from __future__ import annotations

from dataclasses import dataclass, field

from exo_core.requests import Channel, Chunk, ChunkLogprobs, FinishReason, Piece


@dataclass
class CallSoFar:
    """A call of a tool."""

    name: str
    arguments: list[str] = field(default_factory=list[str])


@dataclass(kw_only=True)
class ChoiceSoFar:
    """`offsets` has, for each of `logprobs`, the characters of the choice before the token's text."""

    texts: dict[Channel, list[str]] = field(default_factory=dict[Channel, list[str]])
    calls: list[CallSoFar] = field(default_factory=list[CallSoFar])
    logprobs: list[ChunkLogprobs] = field(default_factory=list[ChunkLogprobs])
    offsets: list[int] = field(default_factory=list[int])
    finish: FinishReason | None = None

    def add(self, chunk: Chunk) -> None:
        """One more token."""
        for piece in chunk.pieces:
            self._add_piece(piece)
        self.finish = chunk.finish
        if chunk.logprobs is not None:
            self.logprobs.append(chunk.logprobs)
            self.offsets.append(chunk.text_from)

    def text(self, channel: Channel) -> str:
        """All of it."""
        return "".join(self.texts.get(channel, ()))

    def _add_piece(self, piece: Piece) -> None:
        if piece.name is not None:
            self.calls.append(CallSoFar(piece.name))
        if piece.channel != "tool":
            self.texts.setdefault(piece.channel, []).append(piece.text)
        elif piece.call is not None:
            self.calls[piece.call].arguments.append(piece.text)
