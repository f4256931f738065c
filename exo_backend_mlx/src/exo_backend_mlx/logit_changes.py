"""What is done to the logits of some rows before temperature: bias, penalties, tokens that may not come.

Scores are (rows, vocabulary) of float32. All rows are changed by the same few operations, and a row's result does not
depend on the rows beside it. mlx-lm has the same penalties for one row, from its list of tokens each time anew.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import mlx.core as mx
import numpy as np
from numpy.typing import NDArray

from exo_backend_mlx.token_history import TokenCounts
from exo_core.requests import Sampling


def add_bias(scores: mx.array, biases: Sequence[Mapping[int, float]]) -> mx.array:
    """Add a number to some tokens of each row."""
    rows, tokens = _named(biases, scores.shape[-1])
    if not tokens:
        return scores
    values = [biases[row][token] for row, token in zip(rows, tokens, strict=True)]
    biased, places = mx.array(scores), (mx.array(rows), mx.array(tokens))
    biased[places] = scores[places] + mx.array(values, mx.float32)
    return biased


def penalise(scores: mx.array, counts: Sequence[TokenCounts], samplings: Sequence[Sampling]) -> mx.array:
    """Repetition (prompt and reply), presence and frequency (reply) penalties, as in OpenAI's API and vLLM.

    Only the scores of tokens that came before are touched, `counts` being each row's.
    """
    places = _flat_places(counts, scores.shape[-1])
    if places.size == 0:
        return scores
    lengths = [len(each.token_ids) for each in counts]
    flat = mx.reshape(scores, (-1,))
    penalised = _penalised(flat[places], mx.array(np.concatenate([each.times for each in counts])), samplings, lengths)
    return mx.reshape(mx.put_along_axis(flat, places, penalised, axis=0), scores.shape)


def forbid(scores: mx.array, forbidden: Sequence[Sequence[int]]) -> mx.array:
    """Make some tokens of each row impossible."""
    rows, tokens = _named(forbidden, scores.shape[-1])
    if not tokens:
        return scores
    without = mx.array(scores)
    without[mx.array(rows), mx.array(tokens)] = -mx.inf
    return without


def allow_only(scores: mx.array, allowed: Sequence[bytes | None]) -> mx.array:
    """Make all others impossible: one bit per token id, least significant first; None: all may come."""
    if all(bits is None for bits in allowed):
        return scores
    vocabulary = scores.shape[-1]
    may_come = mx.array(np.stack([_unpacked(bits, vocabulary) for bits in allowed])) > 0
    return mx.where(may_come, scores, -mx.inf)


def _penalised(scores: mx.array, times: mx.array, samplings: Sequence[Sampling], lengths: Sequence[int]) -> mx.array:
    """Scores of tokens that were generated so many times, `lengths` of them in each row."""

    def each(values: list[float]) -> mx.array:
        return mx.array(np.repeat(np.array(values, np.float32), lengths))

    repetition, presence, frequency = zip(*map(_penalties, samplings), strict=True)
    if any(factor != 1 for factor in repetition):
        factors = each(list(repetition))
        scores = mx.where(scores < 0, scores * factors, scores / factors)
    if any(presence):
        scores = scores - (times > 0) * each(list(presence))
    return scores - times * each(list(frequency)) if any(frequency) else scores


def _penalties(sampling: Sampling) -> tuple[float, float, float]:
    return sampling.repetition_penalty, sampling.presence_penalty, sampling.frequency_penalty


def _flat_places(counts: Sequence[TokenCounts], vocabulary: int) -> mx.array:
    """Of the tokens of all rows in the rows' scores, one row after the other."""
    return mx.array(np.concatenate([each.token_ids + row * vocabulary for row, each in enumerate(counts)]))


def _named(
    tokens_of_rows: Sequence[Mapping[int, float]] | Sequence[Sequence[int]], vocabulary: int
) -> tuple[list[int], list[int]]:
    """The rows and columns of what is named; ids that the model does not have are left out."""
    pairs = [(row, token) for row, tokens in enumerate(tokens_of_rows) for token in tokens if token < vocabulary]
    return [row for row, _ in pairs], [token for _, token in pairs]


def _unpacked(bits: bytes | None, vocabulary: int) -> NDArray[np.uint8]:
    if bits is None:
        return np.ones(vocabulary, np.uint8)
    return np.unpackbits(np.frombuffer(bits, np.uint8), count=vocabulary, bitorder="little")
