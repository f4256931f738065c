"""Tokens about to be drawn for the rows of a forward."""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast, final

import mlx.core as mx

from exo_backend_mlx.logprobs import Likely, TokenLogprobs, token_logprobs
from exo_backend_mlx.passes import Member
from exo_backend_mlx.sampling import RowToDraw, draw, scores_of
from exo_backend_mlx.sequences import TokenToCome
from exo_engine.steps import Drawn


@final
class Drawing:
    """All lazy until `arrays` are computed; each sequence has its token before that to go on with."""

    def __init__(self, members: Sequence[Member], logits: Sequence[mx.array]) -> None:
        self._members = members
        self._rows: list[RowToDraw] = [member.sequence.draw_after(member.row) for member in members]
        scores = scores_of(logits[0] if len(logits) == 1 else mx.concatenate(list(logits)), self._rows)
        self._tokens = draw(scores, self._rows)
        for at, member in enumerate(members):
            member.sequence.to_come = TokenToCome(self._tokens, at)
        self._explained = [at for at, member in enumerate(members) if member.sequence.sampling.logprobs is not None]
        self._logprobs = self._explain(scores) if self._explained else None

    @property
    def arrays(self) -> list[mx.array]:
        """What to compute."""
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
