"""What does a person ask that the model never learned: other sums, and everything else?"""

from __future__ import annotations

import string
from random import Random

from tiny_training.topics import read_topics

_UNKNOWN_SHARE, _GIBBERISH_SHARE = 0.6, 0.2  # the second is of what the first leaves


def draw_unknown(rng: Random) -> tuple[str, str]:
    """A prompt (before noise) beyond what the model learned, and the answer that says so."""
    unknown, other_sum = read_topics("beyond")
    if rng.random() < _UNKNOWN_SHARE:
        return unknown.draw_prompt(rng), unknown.answer
    if rng.random() < _GIBBERISH_SHARE:
        return _gibberish(rng), unknown.answer
    return _fill_numbers(other_sum.draw_prompt(rng), rng), other_sum.answer


def _fill_numbers(prompt: str, rng: Random) -> str:
    while "BIG" in prompt:
        prompt = prompt.replace("BIG", str(rng.choice((rng.randrange(100, 1000), rng.randrange(1000, 100000)))), 1)
    while "NUMBER" in prompt:
        prompt = prompt.replace("NUMBER", str(rng.randrange(100)), 1)
    return prompt


def _gibberish(rng: Random) -> str:
    letters = string.ascii_lowercase
    words = ("".join(rng.choice(letters) for _ in range(rng.randrange(2, 9))) for _ in range(rng.randrange(1, 5)))
    return " ".join(words)
