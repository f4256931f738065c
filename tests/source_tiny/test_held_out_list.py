"""Is the held-out list well-formed, and does the generator never make what is on it?"""

from __future__ import annotations

import re
from collections.abc import Sequence
from random import Random

import pytest
from tiny_training.arithmetic import draw_sum, draw_sum_prompt
from tiny_training.conversation import Turn, draw_conversation, draw_turn
from tiny_training.held_out import PARTS, Part, Sum, is_held_out_sum, is_held_out_text, normalise, read_held_out
from tiny_training.schedule import STAGES
from tiny_training.topics import read_topics

GENERATED = 20_000
NUMBER = re.compile(r"\d+")


@pytest.fixture(scope="module")
def turns() -> Sequence[Turn]:
    rng = Random("a seed that training did not use")
    return [draw_turn(rng, STAGES[index % len(STAGES)].mixture) for index in range(GENERATED)]


@pytest.mark.parametrize("part", PARTS)
def test_questions_name_topics_that_exist(part: Part) -> None:
    held_out = read_held_out(part)
    assert {question.topic for question in held_out.exo} <= {topic.name for topic in read_topics("about_exo")}
    assert {question.topic for question in held_out.small_talk} <= {topic.name for topic in read_topics("small_talk")}


def test_every_topic_about_exo_is_measured() -> None:
    assert {question.topic for question in read_held_out("test").exo} == {
        topic.name for topic in read_topics("about_exo")
    }


@pytest.mark.parametrize("part", PARTS)
def test_operands_are_below_one_hundred(part: Part) -> None:
    assert all(0 <= number < 100 for question in read_held_out(part).arithmetic for number in (question.a, question.b))


def test_enough_of_every_skill_and_nothing_twice() -> None:
    test, development = read_held_out("test"), read_held_out("development")
    sums = [*test.arithmetic, *development.arithmetic]
    texts = [normalise(q.prompt) for q in (*test.exo, *test.small_talk, *development.exo, *development.small_talk)]
    assert len(test.arithmetic) >= 100
    assert min(len(test.exo), len(test.small_talk)) >= 50
    assert len(set(sums)) == len(sums)
    assert len(set(texts)) == len(texts)


def test_readme_prompts_are_on_it() -> None:
    assert is_held_out_sum(Sum(17, "+", 25))
    assert is_held_out_sum(Sum(25, "+", 17))
    for prompt in ("What is exo?", "how does a second machine join", "HELLO!"):
        assert is_held_out_text(prompt)


def test_no_generated_text_is_held_out(turns: Sequence[Turn]) -> None:
    held_out = {
        normalise(q.prompt) for part in PARTS for q in (*read_held_out(part).exo, *read_held_out(part).small_talk)
    }
    assert not held_out & {normalise(turn.prompt) for turn in turns}


def test_no_generated_sum_is_held_out(turns: Sequence[Turn]) -> None:
    """Read back from the generated text, not from what the generator believes it asked."""
    asked = [(turn.prompt, int(turn.answer)) for turn in turns if turn.answer.lstrip("-").isdigit()]
    assert len(asked) > GENERATED / 3
    for prompt, answer in asked:
        x, y = (int(number) for number in NUMBER.findall(prompt))
        if 0 in (x, y):
            continue  # x + 0 and x - 0 cannot be told apart by their answers
        meanings = (Sum(x, "+", y), Sum(x, "-", y), Sum(y, "-", x))
        assert not any(is_held_out_sum(meaning) for meaning in meanings if meaning.result == answer), prompt


def test_no_drawn_sum_is_held_out() -> None:
    rng = Random("sums")
    drawn = [draw_sum(rng, small_share=share) for share in (0.0, 0.5) for _ in range(GENERATED // 2)]
    assert not any(is_held_out_sum(question) for question in drawn)
    assert {question.operator for question in drawn} == {"+", "-"}


def test_a_phrasing_holds_both_operands() -> None:
    rng = Random("phrasings")
    for _ in range(1000):
        question = draw_sum(rng)
        found = [int(number) for number in NUMBER.findall(draw_sum_prompt(question, rng))]
        assert sorted(found) == sorted((question.a, question.b))


def test_the_same_seed_gives_the_same_conversation() -> None:
    assert draw_conversation(Random("x"), turns=5) == draw_conversation(Random("x"), turns=5)
    assert draw_conversation(Random("x"), turns=5) != draw_conversation(Random("y"), turns=5)
