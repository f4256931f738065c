"""Are the tools and requests of training and measuring right, and strange to each other?"""

from __future__ import annotations

import json
from collections.abc import Iterator
from random import Random
from typing import Any

import jsonschema_rs
import pytest
from tiny_training.askable import AskableTool
from tiny_training.fields import Json, schema
from tiny_training.held_out import PARTS, Part, read_held_out
from tiny_training.invented_tools import draw_invented_tool
from tiny_training.json_answers import draw_json_talk
from tiny_training.known_tools import draw_known_tool
from tiny_training.mentions import mention
from tiny_training.tool_results import words_of
from tiny_training.tool_talk import draw_tool_talk
from tiny_training.tool_trials import tool_skills, written_calls
from tiny_training.tools import Call, calls_text, declare
from tiny_training.trials import same_calls, same_json
from tiny_training.values import draw_value
from tiny_training.words import read_words

DRAWN = 1500


def parameters_of(tool: Any) -> dict[str, Any]:
    """The JSON schema of a declared tool's arguments, nothing beside it allowed."""
    return {**tool["function"]["parameters"], "additionalProperties": False}


def drawn_tools() -> Iterator[tuple[AskableTool, Random]]:
    rng = Random("drawn tools")
    for _ in range(DRAWN):
        is_known = rng.random() < 0.5
        yield draw_known_tool(rng) if is_known else draw_invented_tool(read_words("training"), rng), rng


def test_every_drawn_call_keeps_to_the_declaration() -> None:
    for each, rng in drawn_tools():
        prompt, call = each.ask(rng)
        assert call.name == each.tool.name
        assert jsonschema_rs.is_valid(parameters_of(declare(each.tool)), call.arguments), (prompt, call)


def test_every_value_stands_in_its_request() -> None:
    for each, rng in drawn_tools():
        prompt, call = each.ask(rng)
        for value in call.arguments.values():
            texts = value if isinstance(value, list) else [value]
            assert all(str(text) in prompt for text in texts if isinstance(text, str | float)), (prompt, call)


def test_a_mention_holds_the_key_or_the_value() -> None:
    words, rng = read_words("training"), Random("mentions")
    for each, _ in drawn_tools():
        for field in each.tool.fields:
            value: Json = draw_value(field, words, rng)
            assert jsonschema_rs.is_valid(schema(field), value)
            told = mention(field, value, rng)
            assert field.key.replace("_", " ") in told.replace("_", " ")


def test_no_word_of_one_part_is_in_another() -> None:
    parts = [read_words(part) for part in ("training", *PARTS)]
    words = [
        {*p.verbs, *p.lookups, *p.nouns, *p.adjectives, *p.text_keys, *p.count_keys, *p.flag_keys, *p.names}
        | {*p.places, *p.choices, *p.things}
        for p in parts
    ]
    for index, part in enumerate(words):
        for other in words[:index]:
            assert not part & other


@pytest.mark.parametrize("part", PARTS)
def test_written_calls_keep_to_their_declarations(part: Part) -> None:
    for trial in written_calls(part):
        call = json.loads(trial.right.split("\n")[1])
        (tool,) = [tool for tool in trial.tools if isinstance(tool, dict) and name_of(tool) == call["name"]]
        assert jsonschema_rs.is_valid(parameters_of(tool), call["arguments"]), trial


def test_no_tool_that_is_written_for_measuring_is_drawn() -> None:
    written = {name_of(tool) for part in PARTS for trial in written_calls(part) for tool in trial.tools}
    assert len(written) >= 30
    assert not written & {each.tool.name for each, _ in drawn_tools()}


@pytest.mark.parametrize("part", PARTS)
def test_the_same_trials_are_drawn_again(part: Part) -> None:
    held_out = read_held_out(part)
    trials = tool_skills(part, held_out)
    assert trials == tool_skills(part, held_out)
    assert min(map(len, trials.values())) >= 10


def test_the_same_seed_gives_the_same_talk() -> None:
    for draw in (draw_tool_talk, draw_json_talk):
        assert draw(Random("x"), turns=5) == draw(Random("x"), turns=5)
        assert draw(Random("x"), turns=5) != draw(Random("y"), turns=5)


@pytest.mark.parametrize(
    ("content", "right"),
    [
        ('{"max_speed": 4, "color": "red"}', "The max speed is 4, the color is red."),
        ("42", "The result is 42."),
        ("It is sunny.", "The result is It is sunny."),
        ('"ok"', "The result is ok."),
        ("{}", "The result is {}."),
    ],
)
def test_the_words_for_what_a_tool_gave(content: str, right: str) -> None:
    assert words_of(content) == right


def test_a_call_is_right_only_whole_and_alone() -> None:
    right = calls_text([Call("add", {"a": 1, "b": 2})])
    assert same_calls(calls_text([Call("add", {"b": 2, "a": 1})]), right)
    for wrong in (
        "",
        f"Sure! {right}",
        right + right,
        calls_text([Call("add", {"a": 1})]),
        calls_text([Call("add", {"a": 1, "b": "2"})]),
        calls_text([Call("sum", {"a": 1, "b": 2})]),
        right.replace("}}", "}"),
    ):
        assert not same_calls(wrong, right)


def test_json_is_right_in_any_spacing() -> None:
    assert same_json('{"b":1,"a":true}', '{"a": true, "b": 1}')
    assert not same_json('{"a": 1, "b": 1}', '{"a": true, "b": 1}')
    assert not same_json("no", '{"a": 1}')


def name_of(tool: Any) -> str:
    """The name that a declaration has."""
    name: str = tool["function"]["name"]
    return name
