"""OpenAI's own client for Python against a real node: text, calls of tools, thoughts, answers in a format."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any, Literal

import openai
import pytest
from openai import OpenAI
from openai.types.chat import ChatCompletionFunctionToolParam, ChatCompletionMessageParam
from pydantic import BaseModel, Field

from exo_core.cli.documents import as_text, objects
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


def test_text_is_the_same_streamed_and_whole(client: OpenAI, caller: str) -> None:
    for model in ("tiny", caller):
        whole = client.chat.completions.create(model=model, messages=QUESTION, temperature=0, max_tokens=12)
        chunks = list(
            client.chat.completions.create(
                model=model,
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


def test_a_required_call_fits_its_model_streamed_and_whole(client: OpenAI, caller: str) -> None:
    asked: dict[str, Any] = {
        "model": caller, "messages": QUESTION, "tools": TOOLS, "tool_choice": "required", "seed": 4,
        "parallel_tool_calls": False,
    }  # fmt: skip
    whole = client.chat.completions.create(**asked).choices[0]
    with client.chat.completions.stream(**asked) as stream:
        streamed = stream.get_final_completion().choices[0]
    assert whole.finish_reason == streamed.finish_reason == "tool_calls"
    assert whole.message.content is None
    assert streamed.message.content is None
    calls = [
        [
            (call.function.name, call.function.arguments)
            for call in choice.message.tool_calls or ()
            if call.type == "function"
        ]
        for choice in (whole, streamed)
    ]
    assert calls[0] == calls[1]
    ((name, arguments),) = calls[0]
    MODELS[name].model_validate_json(arguments)


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


def test_the_embedded_model_may_be_given_tools(client: OpenAI) -> None:
    for choice in ("auto", "required"):
        answer = client.chat.completions.create(
            model="tiny", messages=QUESTION, tools=TOOLS, tool_choice=choice, temperature=0, max_tokens=100
        )
        calls = answer.choices[0].message.tool_calls or []
        assert calls or choice == "auto"
        for call in calls:
            assert call.type == "function"
            MODELS[call.function.name].model_validate_json(call.function.arguments)


def test_thoughts_are_told_apart(client: OpenAI, thinker: str) -> None:
    thinking = {"chat_template_kwargs": {"opens_thought": True}}
    answer = client.chat.completions.create(
        model=thinker, messages=QUESTION, temperature=0, max_tokens=20, extra_body=thinking
    )
    message = answer.choices[0].message
    assert message.content == ""
    assert (message.model_extra or {})["reasoning_content"]
    assert answer.usage is not None
    assert answer.usage.completion_tokens_details is not None
    assert answer.usage.completion_tokens_details.reasoning_tokens == 20
    over = client.chat.completions.create(
        model=thinker, messages=QUESTION, temperature=0, max_tokens=20, extra_body={"enable_thinking": False}
    )
    assert over.choices[0].message.content


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


def statuses(node: NodeProcess) -> set[str]:
    """Of all runners."""
    return {as_text(runner["status"]) for runner in objects(list(_values(node.state["runners"])))}


def _values(table: Any) -> Iterator[Any]:
    yield from table.values()


@pytest.mark.slow
def test_two_hundred_required_calls_parse_and_fit(client: OpenAI, caller: str) -> None:
    for seed in range(200):
        answer = client.chat.completions.create(
            model=caller, messages=QUESTION, tools=TOOLS, tool_choice="required", parallel_tool_calls=False, seed=seed
        )
        (call,) = answer.choices[0].message.tool_calls or ()
        assert call.type == "function"
        MODELS[call.function.name].model_validate_json(call.function.arguments)
        assert answer.choices[0].finish_reason == "tool_calls"
