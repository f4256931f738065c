"""Prompts of about so many tokens that nobody has seen before.

The API takes text. Words of two syllables are drawn at random; how many tokens one costs is found by asking for the
usage of two prompts.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass
from typing import final

from exo_core.frozen import JsonObject

CONSONANTS = "bcdfghjklmnpqrstvwxyz"
VOWELS = "aeiou"
FEW_WORDS, MANY_WORDS = 8, 72


def random_words(drawing: random.Random, count: int) -> str:
    """So many words with spaces between: 11,025 different ones, equally likely."""
    return " ".join("".join(drawing.choice(letters) for letters in (CONSONANTS, VOWELS) * 2) for _ in range(count))


@dataclass(frozen=True)
class PromptCost:
    """What a prompt costs: the chat template's tokens, and tokens per word."""

    base: float
    per_word: float

    def words(self, tokens: int) -> int:
        """How many words make a prompt of about so many tokens; at least one."""
        return max(1, round((tokens - self.base) / self.per_word))


def measured_cost(drawing: random.Random, prompt_tokens: Callable[[str], int]) -> PromptCost:
    """From the token counts of a short and a longer prompt."""
    few, many = (prompt_tokens(random_words(drawing, count)) for count in (FEW_WORDS, MANY_WORDS))
    per_word = max((many - few) / (MANY_WORDS - FEW_WORDS), 0.1)
    return PromptCost(base=few - FEW_WORDS * per_word, per_word=per_word)


@final
class RequestMaker:
    """Requests for one model, each with another prompt; the same ones for the same seed."""

    def __init__(self, model: str, cost: PromptCost, seed: int) -> None:
        self._model = model
        self._cost = cost
        self._drawing = random.Random(seed)  # noqa: S311 — prompts are no secret

    def request(self, *, prompt_tokens: int, tokens: int) -> JsonObject:
        """Greedy, exactly `tokens` long."""
        text = random_words(self._drawing, self._cost.words(prompt_tokens))
        return chat_request(self._model, text, tokens)


def chat_request(model: str, text: str, tokens: int) -> JsonObject:
    """Greedy, exactly `tokens` long: the model's wish to end is ignored. No seed, which serializes mlx-lm's server."""
    return {
        "model": model,
        "messages": [{"role": "user", "content": text}],
        "max_tokens": tokens,
        "temperature": 0,
        "ignore_eos": True,
    }
