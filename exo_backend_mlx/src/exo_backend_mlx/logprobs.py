"""Natural-log probabilities of tokens, and the most likely ones beside them, as plain numbers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import cast, final

import mlx.core as mx

Likely = tuple[tuple[int, float], ...]


@final
@dataclass(frozen=True)
class TokenLogprobs:
    """Lazy arrays about some rows' tokens: own (rows,), and the most likely (rows, count), unsorted."""

    own: mx.array
    likely_ids: mx.array
    likely: mx.array

    @property
    def arrays(self) -> list[mx.array]:
        """What to compute."""
        return [self.own, self.likely_ids, self.likely]

    def numbers(self, counts: Sequence[int]) -> list[tuple[float, Likely]]:
        """Per row its token's logprob and the `counts` most likely in falling order, impossible ones left out."""
        own = cast("list[float]", self.own.tolist())
        ids = cast("list[list[int]]", self.likely_ids.tolist())
        likely = cast("list[list[float]]", self.likely.tolist())
        return [
            (value, _falling(zip(*pairs, strict=True), count))
            for value, *pairs, count in zip(own, ids, likely, counts, strict=True)
        ]


def token_logprobs(scores: mx.array, tokens: mx.array, count: int) -> TokenLogprobs:
    """Of `tokens` (rows,) under softmax(scores), (rows, vocabulary), with up to `count` most likely ones."""
    values = logprobs(scores)
    count = min(count, values.shape[-1])
    ids = mx.argpartition(-values, kth=max(count - 1, 0), axis=-1)[:, :count]
    own = mx.take_along_axis(values, tokens[:, None], axis=-1)[:, 0]
    return TokenLogprobs(own, ids, mx.take_along_axis(values, ids, axis=-1))


def logprobs(scores: mx.array) -> mx.array:
    """Natural logarithms of softmax(scores) over the last axis, float32."""
    exact = scores.astype(mx.float32)
    return exact - mx.logsumexp(exact, axis=-1, keepdims=True)


def _falling(pairs: object, count: int) -> Likely:
    ordered = sorted(cast("zip[tuple[int, float]]", pairs), key=lambda pair: (-pair[1], pair[0]))[:count]
    return tuple((token_id, value) for token_id, value in ordered if value > -mx.inf)
