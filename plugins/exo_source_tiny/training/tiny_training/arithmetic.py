"""How may a sum or a difference be asked for?"""

from __future__ import annotations

from random import Random

from tiny_training.held_out import OPERATORS, Sum, is_held_out_sum
from tiny_training.phrasing import draw
from tiny_training.topics import read_sum_patterns


def draw_sum(rng: Random, *, small_share: float = 0.0) -> Sum:
    """Any sum or difference of numbers below 100 that is not held out.

    `small_share` is the chance that one operand or both are below 10: there the tables of one-digit sums and the carry
    can be learned for themselves.
    """
    while True:
        first, second = _limits(rng, small_share)
        question = Sum(rng.randrange(first), rng.choice(OPERATORS), rng.randrange(second))
        if not is_held_out_sum(question):
            return question


def _limits(rng: Random, small_share: float) -> tuple[int, int]:
    if small_share > 0 and rng.random() < small_share:
        return rng.choice(((10, 10), (10, 10), (10, 100), (100, 10)))
    return 100, 100


def draw_sum_prompt(question: Sum, rng: Random, *, bare_share: float = 0.0) -> str:
    """One phrasing of the question, before noise; `bare_share` is the chance of one with next to no words."""
    patterns = read_sum_patterns()[question.operator]
    is_bare = bare_share > 0 and rng.random() < bare_share
    form = draw(patterns.bare if is_bare else rng.choice(patterns.worded), rng)
    return form.replace("«", str(question.a)).replace("»", str(question.b))
