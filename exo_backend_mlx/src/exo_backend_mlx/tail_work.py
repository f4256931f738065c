"""What the rows of one forward want of the last stage: gathered lazily, computed at once."""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast, final

import mlx.core as mx
import numpy as np

from exo_backend_mlx.evaluation import evaluate
from exo_backend_mlx.logprobs import Likely, TokenLogprobs, token_logprobs
from exo_backend_mlx.passes import Member
from exo_backend_mlx.sampling import RowToDraw, draw, scores_of
from exo_backend_mlx.sequences import OpenSequence
from exo_engine.stage import TailOutput
from exo_engine.steps import Drawn, HiddenSum, Row, Scored, TokenScore


@final
class TailWork:
    """Used for one forward."""

    def __init__(self) -> None:
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

    def finish(self) -> TailOutput:
        """Compute everything that was asked for."""
        drawing = _Drawing(self._members, self._logits) if self._members else None
        evaluate(drawing.arrays if drawing else [], [values for _, values in self._sums], self._others)
        return TailOutput(
            drawn=tuple(drawing.drawn()) if drawing else (),
            sums=tuple(_hidden_sum(row, values) for row, values in self._sums),
            scored=tuple(self._scored),
        )


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


@final
class _Drawing:
    """Tokens about to be drawn."""

    def __init__(self, members: Sequence[Member], logits: Sequence[mx.array]) -> None:
        self._members = members
        self._rows: list[RowToDraw] = [member.sequence.draw_after(member.row) for member in members]
        scores = scores_of(logits[0] if len(logits) == 1 else mx.concatenate(list(logits)), self._rows)
        self._tokens = draw(scores, self._rows)
        self._explained = [at for at, member in enumerate(members) if member.sequence.sampling.logprobs is not None]
        self._logprobs = self._explain(scores) if self._explained else None

    @property
    def arrays(self) -> list[mx.array]:
        return [self._tokens, *(self._logprobs.arrays if self._logprobs else ())]

    def drawn(self) -> list[Drawn]:
        """The computed tokens in the order of their rows, noted in their sequences."""
        explained = dict(zip(self._explained, self._numbers(), strict=True))
        found: list[tuple[int, Drawn]] = []
        for at, token_id in enumerate(cast("list[int]", self._tokens.tolist())):
            member = self._members[at]
            member.sequence.note_drawn(self._rows[at].index, token_id)
            logprob, top = explained.get(at, (None, ()))
            item = Drawn(sequence=member.sequence.id, token_id=token_id, logprob=logprob, top=top)
            found.append((member.place, item))
        return [item for _, item in sorted(found, key=lambda pair: pair[0])]

    def _explain(self, scores: mx.array) -> TokenLogprobs:
        every = len(self._explained) == len(self._members)
        which = None if every else mx.array(self._explained)
        tokens = self._tokens if which is None else self._tokens[which]
        return token_logprobs(scores if which is None else scores[which], tokens, max(self._counts()))

    def _counts(self) -> list[int]:
        return [self._members[at].sequence.sampling.logprobs or 0 for at in self._explained]

    def _numbers(self) -> list[tuple[float, Likely]]:
        return self._logprobs.numbers(self._counts()) if self._logprobs else []


def _hidden_sum(row: Row, values: mx.array) -> HiddenSum:
    little_endian = np.asarray(values).astype("<f4")
    return HiddenSum(sequence=row.sequence, count=row.count, values=little_endian.tobytes())
