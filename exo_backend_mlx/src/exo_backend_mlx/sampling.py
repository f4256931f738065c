"""How the tail draws tokens from logits: the same function of (logits, sampling, seed, choice, index) everywhere.

The order of vLLM: bias and penalties, tokens masked where they may not come, temperature, then top-k, top-p and min-p.
The draw itself is the inverse of the distribution function, in the order of the vocabulary, at one keyed uniform
number. A row's result does not depend on the rows beside it.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence, Set
from dataclasses import dataclass
from typing import final

import mlx.core as mx
import numpy as np

from exo_backend_mlx.mlx_lm_facade import logit_filters
from exo_core.requests import Sampling
from exo_engine.keyed_random import uniform

_LARGEST_BELOW_ONE = 1.0 - 2.0**-24
"""In float32, the type of the distribution function."""


@final
class Sampler:
    """What is done to the logits of one choice. Its methods build lazy arrays; nothing waits for the device."""

    def __init__(self, sampling: Sampling, *, choice: int, prompt_ids: Sequence[int], end_ids: Set[int]) -> None:
        self.sampling = sampling
        self._choice = choice
        self._prompt_ids = prompt_ids
        self._end_ids = sorted(end_ids)
        self._plain = _is_plain(sampling)

    def changes(self, allowed: bytes | None) -> bool:
        """Whether `scores` gives something else than the logits."""
        return not self._plain or allowed is not None

    def scores(self, logits: mx.array, generated: Sequence[int], allowed: bytes | None = None) -> mx.array:
        """Logits (vocabulary,) after everything that does not depend on temperature, float32.

        `generated` came before. `allowed`: one bit per token id, least significant first; the others become impossible.
        """
        sampling, vocabulary = self.sampling, logits.shape[-1]
        scores = logits.astype(mx.float32)
        bias = [(token_id, value) for token_id, value in sampling.logit_bias if token_id < vocabulary]
        if bias:
            scores = logit_filters.add_bias(scores, dict(bias))
        scores = logit_filters.penalise(scores, sampling, prompt_ids=self._prompt_ids, generated=generated)
        if sampling.ignore_eos or len(generated) < sampling.min_tokens:
            forbidden = [token_id for token_id in self._end_ids if token_id < vocabulary]
            scores = logit_filters.forbid(scores, forbidden)
        return scores if allowed is None else mx.where(_bits(allowed, vocabulary), scores, -mx.inf)

    def chance(self, index: int) -> float:
        """The number that decides the choice's token `index`, counted from 0."""
        return min(uniform(self.sampling.seed, self._choice, index), _LARGEST_BELOW_ONE)


@dataclass(frozen=True)
class RowToDraw:
    """One row of logits: whose it is, what its choice generated before, and which tokens it may draw."""

    sampler: Sampler
    index: int
    generated: Sequence[int]
    allowed: bytes | None = None


def scores_of(logits: mx.array, rows: Sequence[RowToDraw]) -> mx.array:
    """What is drawn from, (rows, vocabulary); the logits themselves where no row changes them."""
    changed = [at for at, row in enumerate(rows) if row.sampler.changes(row.allowed)]
    if not changed:
        return logits
    scores = logits.astype(mx.float32)
    own = [rows[at].sampler.scores(logits[at], rows[at].generated, rows[at].allowed) for at in changed]
    if len(changed) == len(rows):
        return mx.stack(own)
    scores[mx.array(changed)] = mx.stack(own)
    return scores


def draw(scores: mx.array, rows: Sequence[RowToDraw]) -> mx.array:
    """A token id for each row of (rows, vocabulary). Rows that are sampled alike are drawn together."""
    groups = defaultdict[tuple[object, ...], list[int]](list)
    for at, row in enumerate(rows):
        groups[_way(row.sampler.sampling)].append(at)
    if len(groups) == 1:
        return _draw_alike(scores, rows)
    drawn = [_draw_alike(scores[mx.array(group)], [rows[at] for at in group]) for group in groups.values()]
    return mx.concatenate(drawn)[mx.argsort(mx.array([at for group in groups.values() for at in group]))]


def invert_distribution(scores: mx.array, number: float | mx.array) -> mx.array:
    """The first token, in vocabulary order, at which the distribution function of softmax(scores) exceeds `number`.

    Of each row, if there are several; then the numbers are a column. Tokens of probability 0 are never given: their
    value is set to 0 instead of what rounding left there, and the function's largest value takes the place of 1.
    """
    probabilities = mx.softmax(scores, axis=-1, precise=True)
    distribution = mx.where(probabilities > 0, mx.cumsum(probabilities, axis=-1), 0)
    return mx.argmax(distribution > number * distribution.max(axis=-1, keepdims=True), axis=-1)


def _draw_alike(scores: mx.array, rows: Sequence[RowToDraw]) -> mx.array:
    sampling = rows[0].sampler.sampling
    if sampling.temperature == 0:
        return mx.argmax(scores, axis=-1)
    temperatures = mx.array([row.sampler.sampling.temperature for row in rows])[:, None]
    numbers = mx.array([row.sampler.chance(row.index) for row in rows])[:, None]
    likely = logit_filters.keep_likely(
        scores.astype(mx.float32) / temperatures, top_k=sampling.top_k, top_p=sampling.top_p, min_p=sampling.min_p
    )
    return invert_distribution(likely, numbers)


def _way(sampling: Sampling) -> tuple[object, ...]:
    """What must be equal for rows to be drawn together."""
    return (True,) if sampling.temperature == 0 else (sampling.top_k, sampling.top_p, sampling.min_p)


def _bits(allowed: bytes, vocabulary: int) -> mx.array:
    bits = np.unpackbits(np.frombuffer(allowed, np.uint8), count=vocabulary, bitorder="little")
    return mx.array(bits.astype(bool))


def _is_plain(sampling: Sampling) -> bool:
    """Whether scores are the logits themselves, always."""
    return (
        not sampling.logit_bias
        and not sampling.ignore_eos
        and sampling.min_tokens == 0
        and sampling.repetition_penalty == 1
        and sampling.presence_penalty == 0
        and sampling.frequency_penalty == 0
    )
