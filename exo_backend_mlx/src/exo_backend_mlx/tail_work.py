"""What the rows of one forward want of the last stage, gathered lazily."""

from __future__ import annotations

from collections.abc import Sequence
from typing import final

import mlx.core as mx

from exo_backend_mlx.drawing import Drawing
from exo_backend_mlx.evaluation import evaluate
from exo_backend_mlx.logprobs import token_logprobs
from exo_backend_mlx.passes import Member
from exo_backend_mlx.prepared_work import PreparedWork
from exo_backend_mlx.sequences import OpenSequence
from exo_engine.steps import Row, Scored, TokenScore


@final
class TailWork:
    """Used for one forward."""

    def __init__(self, *, is_long: bool) -> None:
        """`is_long`: it computes so many tokens that its buffers are not kept for the next one."""
        self._is_long = is_long
        self._members: list[Member] = []
        self._logits: list[mx.array] = []
        self._sums: list[tuple[Row, mx.array]] = []
        self._scored: list[Scored] = []
        self._others: list[object] = []

    def draw(self, logits: mx.array, members: Sequence[Member]) -> None:
        """A token for each member, from logits (members, vocabulary)."""
        self._logits.append(logits)
        self._members.extend(members)

    def add_up(self, states: mx.array, row: Row) -> None:
        """The sum over a row's states, (tokens, hidden size)."""
        self._sums.append((row, mx.sum(states.astype(mx.float32), axis=0)))

    def scored(self, scored: Scored) -> None:
        """Known tokens' logprobs, computed already."""
        self._scored.append(scored)

    def also(self, arrays: object) -> None:
        """Compute these too."""
        self._others.append(arrays)

    def prepared(self) -> PreparedWork:
        """All that was asked for, to be computed."""
        drawing = Drawing(self._members, self._logits) if self._members else None
        return PreparedWork(drawing, self._sums, self._scored, self._others, is_long=self._is_long)


def score_known(logits: mx.array, position: int, sequence: OpenSequence) -> list[TokenScore]:
    """The logprobs of the prompt's tokens that follow those from `position` on; logits (tokens, vocabulary)."""
    known = sequence.prompt_ids[position + 1 : position + 1 + logits.shape[0]]
    if not known:
        evaluate(logits)
        return []
    count = sequence.sampling.logprobs or 0
    found = token_logprobs(logits[: len(known)], mx.array(known, mx.int32), count)
    evaluate(logits, found.arrays)
    numbers = zip(known, found.numbers([count] * len(known)), strict=True)
    return [TokenScore(token_id=token, logprob=own, top=top) for token, (own, top) in numbers]
