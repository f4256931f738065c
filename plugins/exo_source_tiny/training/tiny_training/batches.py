"""Which rows of tokens does one training step see?

A step is a pure function of (seed, step number), so a resumed run sees exactly what an uninterrupted one would.
"""

from __future__ import annotations

from random import Random
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from tokenizers import Tokenizer

from tiny_training.conversation import Mixture, draw_conversation
from tiny_training.schedule import stage_at
from tiny_training.tokens import CONTEXT_LENGTH, encode_conversation

SHORT_LENGTH = 128
LONG_ROWS, LONG_EVERY = 2, 16  # every 16th step sees whole contexts, so that all distances are trained
_SHORT_TURNS = (1, 1, 1, 1, 1, 1, 2, 2, 3, 4)
_ANSWER_SHARE = 0.6  # at most so many positions of a step are scored; more are rare, and left out


class Batch(NamedTuple):
    """Arrays of one step; a tuple, since JAX passes those into compiled functions.

    `tokens` and `segments` are (rows, length); `places` are flat positions whose successor is scored, with weight
    `weights` (0 for padding).
    """

    tokens: NDArray[np.int32]
    segments: NDArray[np.int32]
    places: NDArray[np.int32]
    weights: NDArray[np.float32]


def make_batch(tokenizer: Tokenizer, seed: int, step: int) -> Batch:
    """The rows of one step."""
    rng = Random(f"{seed}/step/{step}")  # noqa: S311 - repeatable text, no secret
    stage = stage_at(step)
    is_long = step % LONG_EVERY == LONG_EVERY - 1
    rows, length = (LONG_ROWS, CONTEXT_LENGTH) if is_long else (stage.rows, SHORT_LENGTH)
    tokens, segments = np.zeros((rows, length), np.int32), np.zeros((rows, length), np.int32)
    scored = np.zeros((rows, length), bool)
    for row in range(rows):
        _fill_row(tokenizer, rng, stage.mixture, is_long, tokens[row], segments[row], scored[row])
    return Batch(tokens, segments, *_places(scored))


def _fill_row(
    tokenizer: Tokenizer,
    rng: Random,
    mixture: Mixture,
    is_long: bool,
    tokens: NDArray[np.int32],
    segments: NDArray[np.int32],
    scored: NDArray[np.bool_],
) -> None:
    """Conversations one after another, each a segment; the last one is cut off."""
    start, segment, length = 0, 0, len(tokens)
    while start < length:
        turns = int(2 ** rng.uniform(1, 5.6)) if is_long else rng.choice(_SHORT_TURNS)
        ids, said = encode_conversation(tokenizer, draw_conversation(rng, turns=turns, mixture=mixture))
        end = min(start + len(ids), length)
        tokens[start:end], segments[start:end] = ids[: end - start], segment
        scored[start : end - 1] = said[1 : end - start]
        start, segment = end, segment + 1


def _places(scored: NDArray[np.bool_]) -> tuple[NDArray[np.int32], NDArray[np.float32]]:
    found = np.flatnonzero(scored).astype(np.int32)
    places = np.zeros(int(scored.size * _ANSWER_SHARE), np.int32)
    weights = np.zeros(len(places), np.float32)
    kept = min(len(found), len(places))
    places[:kept], weights[:kept] = found[:kept], 1.0
    return places, weights
