"""OpenAI's own client for Python against a real node: text, calls of tools, thoughts, answers in a format."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import Literal

import httpx
import openai
import pytest
from openai import OpenAI
from openai.types.chat import ChatCompletionFunctionToolParam, ChatCompletionMessage, ChatCompletionMessageParam
from pydantic import BaseModel, Field

from exo_core.cli.documents import as_object, as_text
from exo_core.testing.node_process import NodeProcess, eventually

QUESTION: list[ChatCompletionMessageParam] = [{"role": "user", "content": "What is the weather?"}]


class Weather(BaseModel):
    """Look the weather up."""

    city: Literal["Bern", "Oslo"]
    days: int = Field(ge=1, le=9)


class Clock(BaseModel):
    """What time is it?"""

    zone: str = Field(max_length=6)


TOOLS: list[ChatCompletionFunctionToolParam] = [
    openai.pydantic_function_tool(Weather, name="weather"),
    openai.pydantic_function_tool(Clock, name="clock"),
]
MODELS: dict[str, type[BaseModel]] = {"weather": Weather, "clock": Clock}


@pytest.fixture
def client(node: NodeProcess) -> Iterator[OpenAI]:
    """Without retries of its own."""
    with OpenAI(base_url=f"{node.url}/v1", api_key="unused", max_retries=0, timeout=60) as opened:
        yield opened


@pytest.mark.parametrize("model", ["caller", pytest.param("tiny", marks=pytest.mark.slow)])
def test_text_is_the_same_streamed_and_whole(client: OpenAI, caller: str, model: str) -> None:
    name = caller if model == "caller" else model
    whole = client.chat.completions.create(model=name, messages=QUESTION, temperature=0, max_tokens=12)
    chunks = list(
        client.chat.completions.create(
            model=name,
            messages=QUESTION,
            temperature=0,
            max_tokens=12,
            stream=True,
            stream_options={"include_usage": True},
        )
    )
    text = "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices)
    assert text == whole.choices[0].message.content
    assert whole.usage is not None
    assert chunks[-1].usage is not None
    assert chunks[-1].usage.completion_tokens == whole.usage.completion_tokens > 0


def called(message: ChatCompletionMessage) -> list[tuple[str, str]]:
    """The calls of a message: names and arguments."""
    calls = message.tool_calls or []
    return [(call.function.name, call.function.arguments) for call in calls if call.type == "function"]


def check(calls: Sequence[tuple[str, str]]) -> None:
    """Arguments fit what was declared."""
    for name, arguments in calls:
        MODELS[name].model_validate_json(arguments)


def test_a_required_call_fits_its_model_streamed_and_whole(client: OpenAI, caller: str) -> None:
    whole = client.chat.completions.create(
        model=caller, messages=QUESTION, tools=TOOLS, tool_choice="required", parallel_tool_calls=False, seed=4
    ).choices[0]
    with client.chat.completions.stream(
        model=caller, messages=QUESTION, tools=TOOLS, tool_choice="required", parallel_tool_calls=False, seed=4
    ) as stream:
        streamed = stream.get_final_completion().choices[0]
    assert whole.finish_reason == streamed.finish_reason == "tool_calls"
    assert whole.message.content is None
    assert streamed.message.content is None
    assert called(whole.message) == called(streamed.message)
    assert len(called(whole.message)) == 1
    check(called(whole.message))


def test_a_conversation_goes_on_with_what_a_tool_gave(client: OpenAI, caller: str) -> None:
    """Until the model, which is random, happens to say something by itself; each of its calls can be answered."""
    messages = list(QUESTION)
    for seed in range(3):
        choice = {"type": "function", "function": {"name": "clock"}} if seed < 2 else "auto"
        answer = client.chat.completions.create(
            model=caller,
            messages=messages,
            tools=TOOLS,
            tool_choice=choice,  # pyright: ignore[reportArgumentType] — a plain object
            max_tokens=60,
            seed=seed,
        )
        message = answer.choices[0].message
        messages.append(message.to_dict())  # pyright: ignore[reportArgumentType] — as the client's own guide does
        for call in message.tool_calls or ():
            assert call.type == "function"
            assert call.function.name == "clock" or seed == 2
            messages.append({"role": "tool", "tool_call_id": call.id, "content": json.dumps({"now": "noon"})})
    assert sum(message["role"] == "tool" for message in messages) >= 2


@pytest.mark.slow
def test_the_embedded_model_may_be_given_tools(client: OpenAI) -> None:
    for choice in ("auto", "required"):
        answer = client.chat.completions.create(
            model="tiny", messages=QUESTION, tools=TOOLS, tool_choice=choice, temperature=0, max_tokens=100
        )
        calls = called(answer.choices[0].message)
        assert calls or choice == "auto"
        check(calls)


def test_an_answer_fits_a_model_of_pydantic(client: OpenAI, caller: str) -> None:
    answer = client.chat.completions.parse(model=caller, messages=QUESTION, response_format=Weather, seed=1)
    assert isinstance(answer.choices[0].message.parsed, Weather)


def test_thoughts_are_told_apart(client: OpenAI, caller: str) -> None:
    thinking = {"chat_template_kwargs": {"opens_thought": True}}
    answer = client.chat.completions.create(
        model=caller, messages=QUESTION, temperature=0, max_tokens=20, extra_body=thinking
    )
    message = answer.choices[0].message
    assert message.content == ""
    assert (message.model_extra or {})["reasoning_content"]
    assert answer.usage is not None
    assert answer.usage.completion_tokens_details is not None
    assert answer.usage.completion_tokens_details.reasoning_tokens == 20
    over = client.chat.completions.create(model=caller, messages=QUESTION, temperature=0, max_tokens=20)
    assert over.choices[0].message.content
    assert "reasoning_content" not in (over.choices[0].message.model_extra or {})


def test_errors_have_their_kinds(client: OpenAI, caller: str) -> None:
    with pytest.raises(openai.NotFoundError):
        client.chat.completions.create(model="nobody/knows", messages=QUESTION)
    with pytest.raises(openai.BadRequestError, match="tool_choice"):
        client.chat.completions.create(model=caller, messages=QUESTION, tool_choice="required")
    with pytest.raises(openai.BadRequestError, match="context length"):
        client.chat.completions.create(model=caller, messages=[{"role": "user", "content": "long " * 4000}])


def test_a_stream_that_is_closed_ends_its_request(client: OpenAI, node: NodeProcess, caller: str) -> None:
    stream = client.chat.completions.create(
        model=caller, messages=QUESTION, stream=True, extra_body={"ignore_eos": True}
    )
    for _, _ in zip(range(5), stream, strict=False):
        pass
    eventually(lambda: "busy" in statuses(node), "the model works", seconds=5)
    stream.close()
    eventually(lambda: "busy" not in statuses(node), "nobody works any more", seconds=5)
    assert "failed" not in statuses(node)


def statuses(node: NodeProcess) -> set[str]:
    """Of all runners."""
    return {as_text(as_object(runner)["status"]) for runner in as_object(node.state["runners"]).values()}


LONG_NOTE: ChatCompletionFunctionToolParam = {
    "type": "function",
    "function": {
        "name": "note",
        "parameters": {
            "type": "object",
            "properties": {"text": {"type": "string", "minLength": 500, "maxLength": 500}},
            "required": ["text"],
            "additionalProperties": False,
        },
    },
}


@pytest.mark.slow
def test_a_call_that_is_half_told_when_its_runner_dies_is_told_to_its_end_once(
    client: OpenAI, node: NodeProcess, caller: str
) -> None:
    whole = client.chat.completions.create(
        model=caller, messages=QUESTION, tools=[LONG_NOTE], tool_choice="required", parallel_tool_calls=False, seed=4
    )
    stream = client.chat.completions.create(
        model=caller,
        messages=QUESTION,
        tools=[LONG_NOTE],
        tool_choice="required",
        parallel_tool_calls=False,
        seed=4,
        stream=True,
    )
    names, arguments, killed = list[str](), "", False
    for chunk in stream:
        for call in chunk.choices[0].delta.tool_calls or ():
            assert call.function is not None
            names += [call.function.name] if call.function.name else []
            arguments += call.function.arguments or ""
        if arguments and not killed:
            killed = True
            for runner in node.runner_processes():
                runner.kill()
    assert [(name, arguments) for name in names] == called(whole.choices[0].message)
    metrics = httpx.get(f"{node.url}/metrics").text
    assert 'exo_requests_replayed_total{cause="instance_lost"} 1.0' in metrics


@pytest.mark.slow
def test_two_hundred_required_calls_parse_and_fit(client: OpenAI, caller: str) -> None:
    for seed in range(200):
        answer = client.chat.completions.create(
            model=caller, messages=QUESTION, tools=TOOLS, tool_choice="required", parallel_tool_calls=False, seed=seed
        )
        calls = called(answer.choices[0].message)
        assert len(calls) == 1
        check(calls)
        assert answer.choices[0].finish_reason == "tool_calls"
