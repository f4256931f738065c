"""One open sequence of a stage: its caches, what is known of its tokens, and how the next one is drawn."""

from __future__ import annotations

from collections.abc import Set
from dataclasses import dataclass
from typing import final

import mlx.core as mx

from exo_backend_mlx.sampling import RowToDraw, Sampler
from exo_backend_mlx.sequence_caches import SequenceCaches
from exo_backend_mlx.token_history import TokenHistory
from exo_engine.steps import Open, Row


@dataclass(frozen=True)
class TokenToCome:
    """The `at`-th of tokens that are being drawn, (rows,)."""

    tokens: mx.array
    at: int


@final
class OpenSequence:
    """A sequence that rows extend."""

    def __init__(self, operation: Open, caches: SequenceCaches, end_ids: Set[int]) -> None:
        self.id = operation.sequence
        self.caches = caches
        self.prompt_ids = operation.prompt_ids
        self.sampling = operation.sampling
        self._sampler = Sampler(operation.sampling, choice=operation.choice, end_ids=end_ids)
        self._history = TokenHistory(operation.prompt_ids, operation.delivered)
        self.to_come: TokenToCome | None = None
        """What was drawn last here, be it computed or not."""

    def check(self, row: Row) -> None:
        """Raise `ValueError` unless `row` goes on where the caches end."""
        held = self.caches.length
        if row.position != held or row.count < 1:
            message = f"sequence {row.sequence} holds {held} tokens, not {row.position} (row of {row.count})"
            raise ValueError(message)

    def draw_after(self, row: Row) -> RowToDraw:
        """How the token that follows `row` is drawn."""
        index = row.position + row.count - len(self.prompt_ids)
        return RowToDraw(self._sampler, index, self._history, row.allowed)

    def note_drawn(self, index: int, token_id: int) -> None:
        """Remember a drawn token; whatever was drawn from `index` on before is forgotten."""
        if index >= 0:
            self._history.note(index, token_id)
