"""Calls of tools by imagined models: required and free, over one stage and several, taken up again."""

from __future__ import annotations

import pytest

from exo_core.frozen import JsonValue
from exo_core.identifiers import RequestId
from exo_core.requests import Accepted, Answer, ChatPrompt, Generate, Grammar, Refused, Sampling, ToolUse
from exo_core.testing.engine_threads import calls_of, chunks_of, text_of
from exo_engine.answers.markup import NO_MARKUP, Markup
from exo_engine.testing.byte_tokenizer import EOS
from exo_engine.testing.marked_models import TALKATIVE, UNKNOWN_NOTATION, assert_callable, function
from exo_engine.testing.pipeline_threads import ArithmeticPipeline, arithmetic_pipeline

PARAMETERS: dict[str, dict[str, dict[str, JsonValue]]] = {
    "weather": {"city": {"type": "string", "maxLength": 10}, "days": {"type": "integer", "maximum": 99}},
    "colour": {"name": {"enum": ["red", 'a "b"']}, "shades": {"type": "array", "items": {"type": "boolean"}}},
    "nothing": {},
}
TOOLS = tuple(function(name, **parameters) for name, parameters in PARAMETERS.items())
USER: dict[str, JsonValue] = {"role": "user", "content": "Hi"}
REQUIRED = ToolUse(choice="required")
ONE = ToolUse(choice="required", parallel=False)


def ask(name: str = "r", use: ToolUse | None = ONE, **fields: object) -> Generate:
    """What the engine is asked, of somebody whose thoughts are over."""
    said: tuple[dict[str, JsonValue], ...] = (USER, {"role": "assistant", "content": "Well,"})
    prompt = ChatPrompt(messages=said, tools=TOOLS)
    defaults = {"prompt": prompt, "sampling": Sampling(temperature=0), "max_tokens": 600}
    return Generate.model_validate({"request_id": RequestId(name), "tool_use": use, **defaults, **fields})


def talkative(stages: int = 1) -> ArithmeticPipeline:
    return arithmetic_pipeline(stages, tokens=range(EOS + 1), markup=TALKATIVE)


def test_two_hundred_required_calls_fit_their_schemas() -> None:
    with talkative(2).threads as threads:
        asked = [threads.submit(ask(str(seed), sampling=Sampling(seed=seed))) for seed in range(200)]
        answers = [list(each) for each in asked]
    calls = [calls_of(each) for each in answers]
    assert [len(each) for each in calls] == [1] * 200
    assert_callable([call for each in calls for call in each], TOOLS)
    assert {call[0] for each in calls for call in each} == set(PARAMETERS)
    assert {chunks_of(each)[-1].finish for each in answers} == {"tool_calls"}
    assert {text_of(each) for each in answers} == {""}


def test_required_calls_come_one_after_the_other_as_long_as_the_model_calls() -> None:
    with talkative().threads as threads:
        answers = [threads.ask(ask(str(seed), REQUIRED, sampling=Sampling(seed=seed))) for seed in range(12)]
    calls = [calls_of(each) for each in answers if chunks_of(each)[-1].finish == "tool_calls"]
    assert max(map(len, calls)) > 1
    for each in calls:
        assert_callable(each, TOOLS)


@pytest.mark.parametrize("use", [ONE, REQUIRED])
def test_a_call_that_the_limit_cuts_off_says_so(use: ToolUse) -> None:
    with talkative().threads as threads:
        answers = threads.ask(ask(use=use, max_tokens=45))
    ((_, arguments),) = calls_of(answers)
    assert arguments.startswith("{")
    assert chunks_of(answers)[-1].finish == "length"


def test_only_the_named_function_is_called() -> None:
    use = ToolUse(choice="required", names=("colour",), parallel=False)
    with talkative().threads as threads:
        answers = [threads.ask(ask(use=use, sampling=Sampling(seed=seed))) for seed in range(5)]
    assert {call[0] for each in answers for call in calls_of(each)} == {"colour"}


def test_arguments_are_told_token_by_token() -> None:
    with talkative().threads as threads:
        answers = threads.ask(ask(use=ToolUse(choice="required", names=("weather",), parallel=False)))
    told = [chunk.text for chunk in chunks_of(answers) if chunk.text]
    (call,) = calls_of(answers)
    assert told == list(call[1])


@pytest.mark.parametrize("use", [ONE, REQUIRED])
def test_calls_are_taken_up_again_after_every_token(use: ToolUse) -> None:
    """What the client was told and what a second replica tells it then are the call, each character once."""
    request = ask(use=use, sampling=Sampling(seed=3), max_tokens=200)
    with talkative(2).threads as threads:
        whole = threads.ask(request)
        chunks = chunks_of(whole)
        ids = tuple(chunk.token_id for chunk in chunks)
        for length in range(0, len(ids), 7):
            rest = threads.ask(request.model_copy(update={"attempt": 1, "delivered": (ids[:length],)}))
            joined: list[Answer] = [*chunks[:length], *chunks_of(rest)]
            assert calls_of(joined) == calls_of(whole)
            assert [chunk.finish for chunk in chunks_of(rest)] == [chunk.finish for chunk in chunks[length:]]


def test_an_answer_that_may_call_is_text_until_it_does() -> None:
    with talkative().threads as threads:
        answers = threads.ask(ask(use=ToolUse(), max_tokens=60))
    assert isinstance(answers[0], Accepted)
    assert calls_of(answers) == []
    assert len(text_of(answers)) > 20


def test_behind_the_marker_a_free_answer_is_held_to_the_call() -> None:
    """The beginning of the call was delivered, as it would be by a model that calls of its own accord."""
    begun = tuple(b"Let me see.\n<call>")
    with talkative().threads as threads:
        for seed in range(10):
            free = ask(use=ToolUse(parallel=False), attempt=1, delivered=(begun,), sampling=Sampling(seed=seed))
            answers = threads.ask(free)
            assert chunks_of(answers)[-1].finish == "tool_calls"
            assert_callable(calls_of(answers), TOOLS)
            assert len(calls_of(answers)) == 1


def test_a_required_call_may_come_behind_a_thought() -> None:
    thinking = ask(prompt=ChatPrompt(messages=(USER,), tools=TOOLS))
    thought = tuple(b"<think>\nHm.</think>\n")
    with talkative().threads as threads:
        answers = threads.ask(thinking.model_copy(update={"attempt": 1, "delivered": (thought,)}))
        assert chunks_of(answers)[-1].finish == "tool_calls"
        assert_callable(calls_of(answers), TOOLS)
        refused = threads.ask(thinking.model_copy(update={"attempt": 1, "delivered": (tuple(b"Well"),)}))
    assert isinstance(refused[0], Refused)


def test_an_answer_in_a_format_or_a_call() -> None:
    letters = Grammar(kind="regex", text="(yes|no)/?")
    with talkative().threads as threads:
        answers = [
            threads.ask(ask(use=ToolUse(parallel=False), grammar=letters, sampling=Sampling(seed=seed)))
            for seed in range(16)
        ]
    said = {text_of(each) for each in answers if not calls_of(each)}
    assert said <= {"yes", "no", "yes/", "no/"}
    assert said
    assert any(calls_of(each) for each in answers)
    for each in answers:
        assert_callable(calls_of(each), TOOLS)


@pytest.mark.parametrize("kind", ["json_object", "json_schema", "lark"])
def test_what_is_held_to_a_format_may_think_first(kind: str) -> None:
    text = {"json_schema": '{"type": "integer", "maximum": 99}', "lark": 'start: "a"+ END\nEND: "b"'}.get(kind, "")
    prompt = ChatPrompt(messages=(USER,))
    grammar = Grammar.model_validate({"kind": kind, "text": text})
    thought = tuple(b"<think>1 or 2?</think>")
    request = ask(use=None, prompt=prompt, grammar=grammar, attempt=1, delivered=(thought,), max_tokens=40)
    with talkative().threads as threads:
        answer = text_of(threads.ask(request))
    first = {"json_object": "{", "lark": "a"}.get(kind)
    assert answer.startswith(first) if first else int(answer) <= 99


def refusal(markup: Markup, use: ToolUse | None = ONE, **fields: object) -> Refused:
    """What such a model answers."""
    with arithmetic_pipeline(1, markup=markup).threads as threads:
        (refused,) = threads.ask(ask("r", use, **fields))
    assert isinstance(refused, Refused)
    assert refused.status == 400
    return refused


def test_what_a_model_cannot_be_made_to_do_is_refused() -> None:
    assert "how this model calls tools is not known" in refusal(NO_MARKUP, use=ToolUse()).message
    assert refusal(UNKNOWN_NOTATION, use=REQUIRED).message.startswith("tool_choice: ")
    json_object = Grammar(kind="json_object")
    assert refusal(UNKNOWN_NOTATION, use=ToolUse(), grammar=json_object).message.startswith("response_format: ")


def test_a_schema_that_cannot_be_held_is_named_where_a_call_is_required_and_checked_afterwards_elsewhere() -> None:
    odd = (function("odd", items={"type": "array", "uniqueItems": True, "contains": {"const": 1}}),)
    prompt = ChatPrompt(messages=(USER,), tools=odd)
    refused = refusal(TALKATIVE, prompt=prompt)
    assert refused.message.startswith("tools: ")
    assert "contains" in refused.message
    begun = tuple(b'<call>{"name": "odd", "arguments": {"items": [1, 2]}}</call>')
    free = ask(use=ToolUse(parallel=False), prompt=prompt, attempt=1, delivered=(begun,))
    with talkative().threads as threads:
        answers = threads.ask(free)
    assert chunks_of(answers)[-1].finish == "tool_calls"
