"""Exactly once: which of an engine's answers may reach the client.

Rules, per choice: only chunks of the current attempt; only the next index; of a chunk's text, and of its calls' names,
only what the client does not have yet. A chunk that breaks the first two rules is dropped; a gap is an error of the
engine.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import final

from exo_core.requests import Chunk, Piece


@dataclass
class _Choice:
    token_ids: list[int] = field(default_factory=list[int])
    characters: dict[tuple[str, int | None], int] = field(default_factory=dict[tuple[str, int | None], int])
    finished: bool = False


@final
class Delivery:
    """What a client has of each choice of one request; `delivered` is what it came with."""

    def __init__(self, choices: int, delivered: Sequence[Sequence[int]] = ()) -> None:
        self._choices = [_Choice() for _ in range(choices)]
        for choice, token_ids in zip(self._choices, delivered, strict=False):
            choice.token_ids.extend(token_ids)
        self.attempt = 0

    @property
    def finished(self) -> bool:
        """Whether every choice has its finish reason."""
        return all(choice.finished for choice in self._choices)

    @property
    def delivered(self) -> tuple[tuple[int, ...], ...]:
        """Token ids that the client has, per choice: what a replay starts from."""
        return tuple(tuple(choice.token_ids) for choice in self._choices)

    def next_attempt(self) -> int:
        """From now on only chunks of a new attempt count."""
        self.attempt += 1
        return self.attempt

    def admit(self, chunk: Chunk) -> Chunk | None:
        """The chunk as the client may have it, or None. Raises `ValueError` on a gap."""
        if chunk.attempt != self.attempt or chunk.choice >= len(self._choices):
            return None
        choice = self._choices[chunk.choice]
        if choice.finished or chunk.index < len(choice.token_ids):
            return None
        if chunk.index > len(choice.token_ids):
            message = f"token {len(choice.token_ids)} of choice {chunk.choice} is missing: got {chunk.index}"
            raise ValueError(message)
        choice.token_ids.append(chunk.token_id)
        choice.finished = chunk.finish is not None
        return self._without_repeated_text(choice, chunk)

    def _without_repeated_text(self, choice: _Choice, chunk: Chunk) -> Chunk:
        changes = [_what_is_new(choice, piece) for piece in chunk.pieces]
        if not any(changes):
            return chunk
        more = (piece.model_copy(update=change) for piece, change in zip(chunk.more, changes[1:], strict=True))
        return chunk.model_copy(update={**changes[0], "more": tuple(more)})


def _what_is_new(choice: _Choice, piece: Piece) -> dict[str, object]:
    """What to change of a piece so that the client gets nothing twice."""
    key = (piece.channel, piece.call)
    known = choice.characters.get(key)
    end = piece.text_from + len(piece.text)
    choice.characters[key] = max(known or 0, end)
    if known is None or (piece.name is None and known <= piece.text_from):
        return {}
    repeated = max(0, known - piece.text_from)
    return {"name": None, "text": piece.text[repeated:], "text_from": piece.text_from + repeated}
