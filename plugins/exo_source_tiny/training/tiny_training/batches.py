"""Which rows of tokens does one training step see?

A step is a pure function of (seed, step number), so a resumed run sees exactly what an uninterrupted one would.
"""

from __future__ import annotations

from functools import cache
from random import Random
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from tokenizers import Tokenizer

from tiny_training.schedule import Stage, stage_at
from tiny_training.talks import draw_talk
from tiny_training.tokens import CONTEXT_LENGTH, SPECIAL_TOKENS, encode_conversation

SHORT_LENGTH = 192
LONG_ROWS, LONG_EVERY = 2, 32  # every 32nd step sees whole contexts, so that all distances are trained
_SHORT_TURNS = (1, 1, 1, 1, 1, 1, 2, 2, 3, 4)
_ANSWER_SHARE = 0.6  # at most so many positions of a step are scored; more are rare, and left out
_REPEAT_WEIGHT = 0.7


class Batch(NamedTuple):
    """Arrays of one step; a tuple, since JAX passes those into compiled functions.

    `tokens` and `segments` are (rows, length); `places` are flat positions whose successor is scored, with weight
    `weights` (0 for padding). `before_share` is the stage's.
    """

    tokens: NDArray[np.int32]
    segments: NDArray[np.int32]
    places: NDArray[np.int32]
    weights: NDArray[np.float32]
    before_share: np.float32


def make_batch(tokenizer: Tokenizer, seed: int, step: int) -> Batch:
    """The rows of one step."""
    rng = Random(f"{seed}/step/{step}")  # noqa: S311 - repeatable text, no secret
    stage = stage_at(step)
    is_long = step % LONG_EVERY == LONG_EVERY - 1
    rows, length = (LONG_ROWS, CONTEXT_LENGTH) if is_long else (stage.rows, SHORT_LENGTH)
    tokens, segments = np.zeros((rows, length), np.int32), np.zeros((rows, length), np.int32)
    weights = np.zeros((rows, length), np.float32)
    for row in range(rows):
        fate = rng.random()
        if fate < stage.repeats:
            _repeat(tokenizer, rng, tokens[row], segments[row], weights[row])
        else:
            kinds = stage._replace(tools=0.0, json=0.0) if fate < stage.repeats + stage.plain else stage
            _fill_row(tokenizer, rng, kinds, is_long, tokens[row], segments[row], weights[row])
    return Batch(tokens, segments, *_places(weights), np.float32(stage.before))


def _repeat(
    tokenizer: Tokenizer,
    rng: Random,
    tokens: NDArray[np.int32],
    segments: NDArray[np.int32],
    weights: NDArray[np.float32],
) -> None:
    """Random tokens, each run of them once more or twice: here nothing but copying helps."""
    start, segment = 0, 0
    while start < len(tokens):
        run = [rng.choice(_plain_ids(tokenizer)) for _ in range(int(3 * 2 ** rng.uniform(0, 4.2)))]
        both = (run * rng.choice((2, 2, 3)))[: len(tokens) - start]
        end = start + len(both)
        tokens[start:end], segments[start:end] = both, segment
        weights[start + len(run) : end - 1] = _REPEAT_WEIGHT  # the place before it says the first one
        start, segment = end, segment + 1


@cache
def _plain_ids(tokenizer: Tokenizer) -> tuple[int, ...]:
    """The ids of tokens in ASCII: others are bytes of rare characters."""
    plain = [token_id for token, token_id in tokenizer.get_vocab().items() if token.lstrip("Ġ").isascii()]
    return tuple(sorted(token_id for token_id in plain if token_id >= len(SPECIAL_TOKENS)))


def _fill_row(
    tokenizer: Tokenizer,
    rng: Random,
    stage: Stage,
    is_long: bool,
    tokens: NDArray[np.int32],
    segments: NDArray[np.int32],
    weights: NDArray[np.float32],
) -> None:
    """Conversations one after another, each a segment; the last one is cut off."""
    start, segment, length = 0, 0, len(tokens)
    while start < length:
        turns = int(2 ** rng.uniform(1, 5.6)) if is_long else rng.choice(_SHORT_TURNS)
        ids, own = encode_conversation(tokenizer, draw_talk(rng, stage, turns=turns))
        end = min(start + len(ids), length)
        tokens[start:end], segments[start:end] = ids[: end - start], segment
        weights[start : end - 1] = own[1 : end - start]
        start, segment = end, segment + 1


def _places(weights: NDArray[np.float32]) -> tuple[NDArray[np.int32], NDArray[np.float32]]:
    found = np.flatnonzero(weights).astype(np.int32)
    places = np.zeros(int(weights.size * _ANSWER_SHARE), np.int32)
    kept = min(len(found), len(places))
    places[:kept] = found[:kept]
    own = np.zeros(len(places), np.float32)
    own[:kept] = weights.reshape(-1)[found[:kept]]
    return places, own
