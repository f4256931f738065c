"""How the tail draws a token from logits: the same function of (logits, sampling, seed, choice, index) everywhere.

The order of vLLM: bias and penalties, end tokens masked where they may not come, temperature, then top-k, top-p and
min-p. The draw itself is the inverse of the distribution function, in the order of the vocabulary, at one keyed uniform
number.
"""

from __future__ import annotations

from collections.abc import Sequence, Set
from typing import final

import mlx.core as mx

from exo_backend_mlx.mlx_lm_facade import logit_filters
from exo_core.requests import Sampling
from exo_engine.keyed_random import uniform

_LARGEST_BELOW_ONE = 1.0 - 2.0**-24
"""In float32, the type of the distribution function."""


@final
class Sampler:
    """Draws one choice's tokens. Its methods build lazy arrays; nothing waits for the device."""

    def __init__(self, sampling: Sampling, *, choice: int, prompt_ids: Sequence[int], end_ids: Set[int]) -> None:
        self._sampling = sampling
        self._choice = choice
        self._prompt_ids = prompt_ids
        self._end_ids = sorted(end_ids)
        self._plain = _is_plain(sampling)

    @property
    def wants_logprobs(self) -> int | None:
        """How many alternatives to report; None: no logprobs."""
        return self._sampling.logprobs

    def scores(self, logits: mx.array, generated: Sequence[int]) -> mx.array:
        """Logits after everything that does not depend on temperature. `generated` came before.

        `logits` have any shape whose last axis is the vocabulary and whose others are 1; the result is (vocabulary,)
        unless it is the logits themselves.
        """
        if self._plain:
            return logits
        sampling, vocabulary = self._sampling, logits.shape[-1]
        scores = mx.reshape(logits, (vocabulary,)).astype(mx.float32)
        bias = [(token_id, value) for token_id, value in sampling.logit_bias if token_id < vocabulary]
        if bias:
            scores = logit_filters.add_bias(scores, dict(bias))
        scores = logit_filters.penalise(scores, sampling, prompt_ids=self._prompt_ids, generated=generated)
        if sampling.ignore_eos or len(generated) < sampling.min_tokens:
            forbidden = [token_id for token_id in self._end_ids if token_id < vocabulary]
            scores = logit_filters.forbid(scores, forbidden)
        return scores

    def draw(self, scores: mx.array, index: int) -> mx.array:
        """The token id, a scalar array. `index` counts the choice's tokens from 0."""
        sampling = self._sampling
        if sampling.temperature == 0:
            return mx.argmax(scores)
        number = min(uniform(sampling.seed, self._choice, index), _LARGEST_BELOW_ONE)
        tempered = mx.reshape(scores, (-1,)).astype(mx.float32) / sampling.temperature
        return invert_distribution(logit_filters.keep_likely(tempered, sampling), number)


def invert_distribution(scores: mx.array, number: float) -> mx.array:
    """The first token, in vocabulary order, at which the distribution function of softmax(scores) exceeds `number`.

    Tokens of probability 0 are never given: their value is set to 0 instead of what rounding left there, and the
    function's largest value takes the place of 1.
    """
    probabilities = mx.softmax(scores, precise=True)
    distribution = mx.where(probabilities > 0, mx.cumsum(probabilities), 0)
    return mx.argmax(distribution > number * distribution.max())


def logprobs(scores: mx.array) -> mx.array:
    """Natural logarithms of softmax(scores)."""
    exact = mx.reshape(scores, (-1,)).astype(mx.float32)
    return exact - mx.logsumexp(exact)


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
