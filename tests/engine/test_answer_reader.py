"""What a client is told of a text with markers in it, however the text comes in pieces."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exo_core.errors import RequestRefused
from exo_core.requests import ToolUse
from exo_engine.answers.answer_reader import Heard
from exo_engine.answers.markup import Thinking
from exo_engine.answers.reading import Reading, ToolReading
from exo_engine.answers.tool_format import ToolDocument
from exo_engine.testing.marked_models import TALKATIVE, TaggedFormat, function

WEATHER = function("weather", city={"type": "string"}, days={"type": "integer"})
CLOCK = function("clock")
TOOLS = (WEATHER, CLOCK)
PLAN = '<call>{"name": "weather", "arguments": {"city": "Bern \\"}", "days": 2}}</call>'
TIME = '<call>{"name": "clock", "arguments": {}}</call>'
BERN = '{"city": "Bern \\"}", "days": 2}'


def reading(
    tools: Sequence[ToolDocument] = TOOLS, *, thinking: Thinking = "possible", use: ToolUse | None = None
) -> Reading:
    """Of a model that thinks, and calls these tools."""
    called = ToolReading(tool_format=TaggedFormat(), tools=tuple(tools), use=use or ToolUse()) if tools else None
    return Reading(markup=TALKATIVE, thinking=thinking, tools=called)


def told(made: Reading, pieces: Sequence[str], *, stops: Sequence[str] = (), is_held: bool = False) -> list[Heard]:
    """All that is heard, what belongs together joined."""
    reader, heard = made.reader(is_held=is_held), list[Heard]()
    for piece in pieces:
        heard.extend(reader.add(piece, stops))
        if reader.stopped:
            break
    else:
        heard.extend(reader.finish("", stops))
    joined: list[Heard] = []
    for each in heard:
        if joined and each.goes_on(joined[-1]):
            each = Heard(joined[-1].text + each.text, each.channel, each.call, joined.pop().name)
        joined.append(each)
    return joined


def thought(text: str) -> Heard:
    return Heard(text, "reasoning")


def call(number: int, name: str, arguments: str) -> Heard:
    return Heard(arguments, "tool", number, name)


SAID: dict[str, tuple[str, list[Heard]]] = {
    "plain": ("  Hello.\n ", [Heard("  Hello.\n ")]),
    "a thought": ("<think>\nHm. \n</think>\n\nYes.", [thought("Hm."), Heard("Yes.")]),
    "a call": (PLAN, [call(0, "weather", BERN)]),
    "two calls": (f"{PLAN}\n{TIME}", [call(0, "weather", BERN), call(1, "clock", "{}")]),
    "words, a call, words": (f"Look: \n{TIME}\n ok", [Heard("Look:"), call(0, "clock", "{}"), Heard("ok")]),
    "all": (f"<think>a</think> b {TIME}", [thought("a"), Heard("b"), call(0, "clock", "{}")]),
    "a call in a thought": (f"<think>{TIME}</think>no", [thought(TIME), Heard("no")]),
    "half a marker": ("a <cal", [Heard("a <cal")]),
    "a thought without an end": ("<think>a b", [thought("a b")]),
}


@pytest.mark.parametrize("name", SAID)
@pytest.mark.parametrize("is_held", [False, True])
@given(data=st.data())
def test_a_text_says_the_same_in_whatever_pieces_it_comes(name: str, is_held: bool, data: st.DataObject) -> None:
    text, expected = SAID[name]
    cuts = sorted(data.draw(st.lists(st.integers(0, len(text)), max_size=8)))
    pieces = [text[start:end] for start, end in zip([0, *cuts], [*cuts, len(text)], strict=True)]
    assert told(reading(), pieces, is_held=is_held) == expected


@pytest.mark.parametrize(
    "wrong",
    [
        "<call>no JSON</call>",
        '<call>{"name": "weather", "arguments": {"city": "Bern"}}</call>',
        '<call>{"name": "weather", "arguments": {"city": 5, "days": 2}}</call>',
        '<call>{"name": "launch", "arguments": {}}</call>',
        '<call>{"name": "clock"}</call>',
        '<call>{"name": "clock", "arguments": {}',
    ],
)
def test_what_is_no_call_that_may_be_made_is_content(wrong: str) -> None:
    assert told(reading(), [f"So: {wrong}"]) == [Heard(f"So: {wrong}")]


def test_only_the_tools_that_are_allowed_may_be_called() -> None:
    allowed = reading(use=ToolUse(names=("clock",)))
    assert told(allowed, [TIME, PLAN]) == [call(0, "clock", "{}"), Heard(PLAN)]


@pytest.mark.parametrize("is_held", [False, True])
def test_where_one_call_is_asked_for_the_answer_ends_with_it(is_held: bool) -> None:
    one = reading(use=ToolUse(parallel=False))
    assert told(one, [f"{PLAN} and", PLAN], is_held=is_held) == [call(0, "weather", BERN)]


def test_without_tools_what_looks_like_a_call_is_text() -> None:
    assert told(reading(tools=()), [f"Say {PLAN}"]) == [Heard(f"Say {PLAN}")]


def test_a_thought_that_the_prompt_began_has_no_opening_marker() -> None:
    assert told(reading(thinking="begun"), ["Hm", ".</thi", "nk>\nYes"]) == [thought("Hm."), Heard("Yes")]


def test_stop_strings_are_looked_for_in_the_content_alone() -> None:
    text = f"<think>a.</think>{PLAN}One. Two."
    assert told(reading(), [text], stops=(".",)) == [thought("a."), call(0, "weather", BERN), Heard("One")]
    assert told(reading(), ["a ", "b", " <ca", "ll"], stops=(" <x",)) == [Heard("a b <call")]


def test_held_calls_are_told_while_they_are_written() -> None:
    reader = reading().reader(is_held=True)
    pieces = ['<call>{"name": "clo', 'ck", "arguments": {"a', '": 1', "}}</c"]
    heard = [[each.name or each.text for each in reader.add(piece, ())] for piece in pieces]
    assert heard == [[], ["clock", '{"a'], ['": 1'], ["}"]]


def test_a_held_call_that_is_cut_off_is_told_as_far_as_it_came() -> None:
    begun = told(reading(), ['<call>{"name": "clock", "arguments": {"a'], is_held=True)
    assert begun == [call(0, "clock", '{"a')]
    assert told(reading(), ['<call>{"name": "clo'], is_held=True) == []


@pytest.mark.parametrize("schema", [{"type": "nothing"}, {"$ref": "http://example.org/schema"}])
def test_parameters_that_are_no_schema_are_refused(schema: dict[str, str]) -> None:
    broken = reading(tools=(function("broken", field=schema),))
    with pytest.raises(RequestRefused, match="the parameters of 'broken' are no JSON schema") as refused:
        broken.reader(is_held=False)
    assert refused.value.status == 400


def test_a_pattern_that_explodes_only_does_not_fit() -> None:
    evil = function("evil", text={"type": "string", "pattern": "^(?!x)(a|a)*$"})
    text = '<call>{"name": "evil", "arguments": {"text": "%s!"}}</call>' % ("a" * 60)
    assert told(reading(tools=(evil,)), [text]) == [Heard(text)]
