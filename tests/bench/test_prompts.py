"""Random prompts of a wanted length."""

from __future__ import annotations

import random
from typing import cast

import pytest

from exo_bench.prompts import PromptCost, RequestMaker, measured_cost, random_words
from exo_core.frozen import JsonObject


def text_of(request: JsonObject) -> str:
    (message,) = cast("list[JsonObject]", request["messages"])
    return cast("str", message["content"])


@pytest.mark.parametrize(("base", "per_word"), [(0, 1), (12, 2), (5, 4)])
def test_the_cost_of_a_word_is_found(base: int, per_word: int) -> None:
    cost = measured_cost(random.Random(0), lambda text: base + per_word * len(text.split()))
    assert cost == PromptCost(base=base, per_word=per_word)
    words = cost.words(500)
    assert abs(base + per_word * words - 500) < per_word


def test_a_prompt_has_at_least_a_word() -> None:
    assert PromptCost(base=30, per_word=2).words(5) == 1


def test_no_prompt_comes_twice_and_none_begins_as_another() -> None:
    maker = RequestMaker("tiny", PromptCost(base=0, per_word=1), seed=0)
    texts = [text_of(maker.request(prompt_tokens=20, tokens=8)) for _ in range(100)]
    assert len({text[:14] for text in texts}) == 100


def test_the_same_seed_asks_the_same() -> None:
    one, other = (RequestMaker("tiny", PromptCost(base=0, per_word=1), seed=7) for _ in range(2))
    assert one.request(prompt_tokens=20, tokens=8) == other.request(prompt_tokens=20, tokens=8)


def test_answers_have_one_length_and_no_seed() -> None:
    request = RequestMaker("tiny", PromptCost(base=0, per_word=1), seed=0).request(prompt_tokens=20, tokens=8)
    assert request["max_tokens"] == 8
    assert request["ignore_eos"] is True
    assert "seed" not in request


def test_words_are_words() -> None:
    words = random_words(random.Random(0), 1000).split(" ")
    assert len(words) == 1000
    assert all(len(word) == 4 and word.isalpha() for word in words)
