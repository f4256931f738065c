"""Drawing a token: against definitions written out in numpy, and at the edges."""

from __future__ import annotations

from typing import Any, cast

import mlx.core as mx
import numpy as np
import pytest
from numpy.typing import NDArray

from exo_backend_mlx.logprobs import logprobs
from exo_backend_mlx.sampling import RowToDraw, Sampler, invert_distribution, scores_of
from exo_backend_mlx.sampling import draw as draw_rows
from exo_backend_mlx.token_history import TokenHistory
from exo_core.requests import Sampling
from exo_engine.keyed_random import uniform

VOCABULARY = 50


def some_logits(seed: int = 0, spread: float = 3.0) -> mx.array:
    return mx.random.normal((1, 1, VOCABULARY), key=mx.random.key(seed)) * spread


def values(logits: mx.array) -> NDArray[np.float64]:
    return np.array(list(cast("list[float]", mx.reshape(logits, (-1,)).tolist())), np.float64)


def sampler(*, ends: tuple[int, ...] = (), choice: int = 0, **fields: object) -> Sampler:
    return Sampler(Sampling.model_validate(fields), choice=choice, end_ids=frozenset(ends))


def draw(chosen: Sampler, logits: mx.array, index: int = 0, generated: tuple[int, ...] = ()) -> int:
    row = RowToDraw(chosen, index, TokenHistory((), generated))
    return cast("int", draw_rows(scores_of(logits[0], [row]), [row]).item())


def reference(logits: mx.array, number: float, allowed: set[int], temperature: float) -> int:
    """The inverse of the distribution function over the allowed tokens, in float64."""
    scores = values(logits) / temperature
    kept = np.array([token in allowed for token in range(VOCABULARY)], np.float64)
    weights = np.exp(scores - scores.max()) * kept
    above: list[int] = np.flatnonzero(np.cumsum(weights) > number * weights.sum()).tolist()
    return above[0]


def test_temperature_zero_takes_the_largest() -> None:
    logits = some_logits()
    assert draw(sampler(temperature=0.0), logits) == int(values(logits).argmax())


@pytest.mark.parametrize("temperature", [0.3, 1.0, 5.0])
def test_a_draw_inverts_the_distribution_function_at_the_keyed_number(temperature: float) -> None:
    logits = some_logits()
    everything = set(range(VOCABULARY))
    for index in range(200):
        expected = reference(logits, uniform(11, 2, index), everything, temperature)
        assert draw(sampler(temperature=temperature, seed=11, choice=2), logits, index) == expected


def test_the_same_key_draws_the_same_and_others_differ() -> None:
    logits = some_logits(spread=0.1)
    drawn = [draw(sampler(seed=5), logits, index) for index in range(40)]
    assert drawn == [draw(sampler(seed=5), logits, index) for index in range(40)]
    assert drawn != [draw(sampler(seed=6), logits, index) for index in range(40)]
    assert drawn != [draw(sampler(seed=5, choice=1), logits, index) for index in range(40)]


def likeliest(logits: mx.array, count: int) -> set[int]:
    return set(np.argsort(-values(logits))[:count].tolist())


def test_top_k_keeps_the_likeliest() -> None:
    logits = some_logits(spread=0.5)
    for index in range(100):
        expected = reference(logits, uniform(3, 0, index), likeliest(logits, 7), 1.0)
        assert draw(sampler(top_k=7, seed=3), logits, index) == expected


def test_a_top_k_above_the_vocabulary_keeps_all() -> None:
    logits = some_logits()
    assert draw(sampler(top_k=10 * VOCABULARY, seed=3), logits) == draw(sampler(seed=3), logits)


def test_top_p_keeps_the_smallest_set_that_reaches_it() -> None:
    logits = some_logits()
    probabilities = np.sort(np.exp(values(logits)) / np.exp(values(logits)).sum())[::-1]
    kept = int(np.searchsorted(np.cumsum(probabilities), 0.7)) + 1
    assert 1 < kept < VOCABULARY
    for index in range(100):
        expected = reference(logits, uniform(4, 0, index), likeliest(logits, kept), 1.0)
        assert draw(sampler(top_p=0.7, seed=4), logits, index) == expected


def test_top_p_holds_for_large_logits() -> None:
    assert draw(sampler(top_p=0.5), some_logits() + 500) == draw(sampler(top_p=0.5), some_logits())


def test_min_p_keeps_what_is_near_the_best() -> None:
    logits = some_logits()
    kept = {token for token, score in enumerate(values(logits)) if score >= values(logits).max() + np.log(0.1)}
    assert 1 < len(kept) < VOCABULARY
    for index in range(100):
        assert draw(sampler(min_p=0.1, seed=4), logits, index) == reference(logits, uniform(4, 0, index), kept, 1.0)


@pytest.mark.parametrize("number", [0.0, 0.5, 1 - 2**-24])
def test_an_impossible_token_is_never_drawn(number: float) -> None:
    scores = mx.array([-mx.inf, 1.0, -mx.inf, 1.0, -mx.inf])
    assert cast("int", invert_distribution(scores, number).item()) in {1, 3}


def test_the_last_number_below_one_draws_a_token() -> None:
    scores = mx.random.normal((100_000,), key=mx.random.key(1))
    assert 0 <= cast("int", invert_distribution(scores, 1 - 2**-24).item()) < 100_000


def test_penalties_change_the_logits_as_defined() -> None:
    logits, prompt, generated = some_logits(), (3, 4, 4), (5, 5, 6)
    chosen = sampler(repetition_penalty=1.5, presence_penalty=0.25, frequency_penalty=0.5)
    expected = values(logits)
    for token in {*prompt, *generated}:
        expected[token] *= 1.5 if expected[token] < 0 else 1 / 1.5
    for token in set(generated):
        expected[token] -= 0.25 + 0.5 * generated.count(token)
    row = RowToDraw(chosen, len(generated), TokenHistory(prompt, generated))
    assert values(scores_of(logits[0], [row])) == pytest.approx(expected, abs=1e-5)


def test_bias_is_added_and_unknown_tokens_are_ignored() -> None:
    logits = some_logits()
    chosen = sampler(logit_bias=((7, 100.0), (VOCABULARY, 5.0), (8, -100.0)))
    scores = values(scores_of(logits[0], [RowToDraw(chosen, 0, TokenHistory(()))]))
    expected = values(logits)
    expected[7] += 100
    expected[8] -= 100
    assert scores == pytest.approx(expected, abs=1e-5)


def test_end_tokens_are_masked_until_min_tokens_and_when_ignored() -> None:
    logits = some_logits()
    best = int(values(logits).argmax())
    patient = sampler(temperature=0.0, ends=(best,), min_tokens=2)
    assert draw(patient, logits, 1, (1,)) != best
    assert draw(patient, logits, 2, (1, 1)) == best
    assert draw(sampler(temperature=0.0, ends=(best,), ignore_eos=True), logits, 9, (1,) * 9) != best
    assert draw(sampler(temperature=0.0, ends=(best,)), logits) == best


def test_logprobs_are_those_of_the_softmax() -> None:
    logits = some_logits()
    expected = values(logits) - np.log(np.exp(values(logits)).sum())
    assert values(logprobs(logits)) == pytest.approx(expected, abs=1e-5)


MASKS = (None, None, np.packbits([token % 3 > 0 for token in range(VOCABULARY)], bitorder="little").tobytes())
MANY_WAYS: tuple[dict[str, Any], ...] = (
    {"temperature": 0.0},
    {"temperature": 0.7, "seed": 1},
    {"temperature": 1.3, "seed": 2},
    {"temperature": 1.0, "seed": 3, "top_k": 5},
    {"temperature": 1.0, "seed": 4, "top_p": 0.6},
    {"temperature": 0.8, "seed": 5, "top_p": 0.6},
    {"temperature": 1.0, "seed": 6, "min_p": 0.1, "top_p": 0.9},
    {"temperature": 0.0, "frequency_penalty": 1.5, "repetition_penalty": 1.3},
    {"temperature": 1.0, "seed": 7, "presence_penalty": 0.5, "logit_bias": ((3, 5.0),)},
    {"temperature": 0.0, "ignore_eos": True},
)


def test_rows_drawn_together_are_drawn_as_each_is_alone() -> None:
    ways = MANY_WAYS * 4
    logits = mx.random.normal((len(ways), VOCABULARY), key=mx.random.key(9)) * 3
    rows = [
        RowToDraw(sampler(ends=(2, 4), **way), 4, TokenHistory((1, 2), (7, 8, 8, index % 50)), MASKS[index % 3])
        for index, way in enumerate(ways)
    ]
    together = cast("list[int]", draw_rows(scores_of(logits, rows), rows).tolist())
    alone = [draw_rows(scores_of(logits[at : at + 1], [row]), [row]).item() for at, row in enumerate(rows)]
    assert together == alone
    assert len(set(together)) > 10
