"""One sequence as the head knows it: its tokens, and how many of them steps were already issued for."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import final

from exo_core.requests import Sampling
from exo_engine.steps import Open, Row, SequenceId


@final
@dataclass(kw_only=True, eq=False)
class SequenceState:
    """A choice's tokens so far. Holds no tensors: what the stages' caches hold follows from the steps issued."""

    id: SequenceId
    choice: int
    sampling: Sampling
    prompt_ids: tuple[int, ...]
    delivered: tuple[int, ...] = ()
    tokens: list[int] = field(default_factory=list[int])
    """Prompt, delivered and drawn."""
    scheduled: int = 0
    """How many of `tokens` are in issued steps."""
    opened: bool = False

    def __post_init__(self) -> None:
        self.tokens = [*self.prompt_ids, *self.delivered]

    @property
    def pending(self) -> int:
        """Known tokens that no step was issued for: the rest of a prompt, or one in decode; 0 while one is drawn."""
        return len(self.tokens) - self.scheduled

    @property
    def is_decoding(self) -> bool:
        """Whether the next row is the last known token, so that it draws."""
        return self.pending == 1

    def open(self) -> Open:
        """The operation that begins it on every stage."""
        self.opened = True
        return Open(
            sequence=self.id,
            choice=self.choice,
            sampling=self.sampling,
            prompt_ids=self.prompt_ids,
            delivered=self.delivered,
        )

    def take(self, limit: int) -> tuple[Row, list[int]]:
        """The next row and its tokens: at most `limit` known ones, or, alone, the last known one, which draws."""
        position = self.scheduled
        draws = self.pending == 1
        count = 1 if draws else min(self.pending - 1, limit)
        self.scheduled += count
        row = Row(sequence=self.id, position=position, count=count, output="token" if draws else "none")
        return row, self.tokens[position : self.scheduled]
