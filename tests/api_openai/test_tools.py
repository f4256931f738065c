"""Calls of tools and thoughts as OpenAI's client sees them, and what the engine is asked for them."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import httpx
import pytest
from openai import AsyncOpenAI
from openai.types.chat import ChatCompletionMessageParam

from exo_api_openai.tool_calls import call_id
from exo_core.identifiers import RequestId
from exo_core.requests import Accepted, ChatPrompt, Chunk, Generate, Piece, ToolUse
from exo_http.testing.scripted_node import ScriptedNode
from exo_http.testing.scripts import answering

QUESTION: list[ChatCompletionMessageParam] = [{"role": "user", "content": "Weather?"}]
WEATHER: dict[str, Any] = {
    "type": "function",
    "function": {
        "name": "weather",
        "description": "of a city",
        "parameters": {"type": "object", "properties": {"city": {"type": "string"}}},
    },
}
CLOCK: dict[str, Any] = {"type": "function", "function": {"name": "clock"}}
TOOLS = [WEATHER, CLOCK]


def told(*tokens: Sequence[Piece]) -> list[Chunk]:
    """A chunk per token; the last one finishes with its calls."""
    chunks: list[Chunk] = []
    for index, (first, *more) in enumerate(tokens):
        finish = "tool_calls" if index == len(tokens) - 1 else None
        chunks.append(Chunk(index=index, token_id=1, more=tuple(more), finish=finish, **first.model_dump()))
    return chunks


def words(text: str, text_from: int = 0) -> Piece:
    return Piece(text=text, text_from=text_from)


def thought(text: str, text_from: int = 0) -> Piece:
    return Piece(text=text, text_from=text_from, channel="reasoning")


def call(number: int, text: str, *, name: str | None = None, text_from: int = 0) -> Piece:
    return Piece(text=text, text_from=text_from, channel="tool", call=number, name=name)


CALLS = told(
    [thought("Hm")],
    [thought("", 2)],
    [words("")],
    [call(0, "", name="weather")],
    [call(0, '{"city": ')],
    [call(0, '"Bern"}', text_from=9), call(1, "{}", name="clock")],
    [Piece(text="", text_from=0, channel="tool")],
)


@pytest.fixture
def caller(node: ScriptedNode) -> str:
    """A model that thinks and calls two tools."""
    node.add_script("caller", answering(Accepted(prompt_ids=(1,)), *CALLS))
    return "caller"


async def test_a_whole_answer_that_is_calls(openai: AsyncOpenAI, caller: str) -> None:
    answer = await openai.chat.completions.create(model=caller, messages=QUESTION, tools=TOOLS)  # pyright: ignore[reportArgumentType] — plain objects
    (choice,) = answer.choices
    assert choice.finish_reason == "tool_calls"
    assert choice.message.content is None
    assert choice.message.model_extra == {"reasoning_content": "Hm"}
    calls = choice.message.tool_calls or []
    assert [(each.type, each.function.name, each.function.arguments) for each in calls if each.type == "function"] == [
        ("function", "weather", '{"city": "Bern"}'),
        ("function", "clock", "{}"),
    ]
    assert len({each.id for each in calls}) == 2
    assert answer.usage is not None
    assert answer.usage.completion_tokens_details is not None
    assert answer.usage.completion_tokens_details.reasoning_tokens == 2


async def test_a_streamed_answer_that_is_calls(client: httpx.AsyncClient, caller: str) -> None:
    body = {"model": caller, "messages": QUESTION, "tools": TOOLS, "stream": True}
    response = await client.post("/v1/chat/completions", json=body)
    lines = [line[6:] for line in response.text.splitlines() if line.startswith("data: {")]
    choices = [json.loads(line)["choices"][0] for line in lines]
    deltas = [choice["delta"] for choice in choices]
    calls = [each for delta in deltas for each in delta.get("tool_calls", ())]
    first, second = (each["id"] for each in calls if "id" in each)
    weather = {"name": "weather", "arguments": ""}
    assert deltas == [
        {"role": "assistant", "content": None},
        {"reasoning_content": "Hm"},
        {},
        {},
        {"tool_calls": [{"index": 0, "id": first, "type": "function", "function": weather}]},
        {"tool_calls": [{"index": 0, "function": {"arguments": '{"city": '}}]},
        {"tool_calls": [{"index": 0, "function": {"arguments": '"Bern"}'}}]},
        {
            "tool_calls": [
                {"index": 1, "id": second, "type": "function", "function": {"name": "clock", "arguments": "{}"}}
            ]
        },
        {},
    ]
    assert first != second
    assert [choice["finish_reason"] for choice in choices] == [*[None] * 8, "tool_calls"]


async def test_the_client_itself_puts_a_streamed_answer_together(openai: AsyncOpenAI, caller: str) -> None:
    async with openai.chat.completions.stream(model=caller, messages=QUESTION, tools=TOOLS) as stream:  # pyright: ignore[reportArgumentType] — plain objects
        message = (await stream.get_final_completion()).choices[0].message
    assert message.content is None
    assert [(each.function.name, each.function.arguments) for each in message.tool_calls or ()] == [
        ("weather", '{"city": "Bern"}'),
        ("clock", "{}"),
    ]


def test_a_calls_id_follows_from_the_request_the_choice_and_its_number() -> None:
    """A replay, which tells it anew, repeats it."""
    places = [(RequestId(name), choice, number) for name in ("a", "b") for choice in (0, 1) for number in (0, 1)]
    ids = [call_id(*place) for place in places]
    assert len(set(ids)) == len(places)
    assert [call_id(*place) for place in places] == ids


async def asked(client: httpx.AsyncClient, node: ScriptedNode, **fields: object) -> Generate:
    """What the engine is asked for a request with these fields."""
    body = {"model": "tiny", "messages": QUESTION, **fields}
    response = await client.post("/v1/chat/completions", json=body)
    assert response.status_code == 200, response.text
    request = node.requests[-1]
    assert isinstance(request, Generate)
    return request


FUNCTION: dict[str, Any] = {"type": "function", "function": {"name": "clock"}}


@pytest.mark.parametrize(
    ("fields", "use"),
    [
        ({}, ToolUse()),
        ({"tool_choice": "auto", "parallel_tool_calls": False}, ToolUse(parallel=False)),
        ({"tool_choice": "none"}, None),
        ({"tool_choice": "required"}, ToolUse(choice="required")),
        ({"tool_choice": FUNCTION}, ToolUse(choice="required", names=("clock",), parallel=False)),
        (
            {"tool_choice": {"type": "allowed_tools", "allowed_tools": {"mode": "auto", "tools": [FUNCTION]}}},
            ToolUse(names=("clock",)),
        ),
    ],
)
async def test_how_tools_may_be_called(
    client: httpx.AsyncClient, node: ScriptedNode, fields: dict[str, object], use: ToolUse | None
) -> None:
    request = await asked(client, node, tools=TOOLS, **fields)
    assert request.tool_use == use
    assert isinstance(request.prompt, ChatPrompt)
    assert request.prompt.tools == (() if use is None else tuple(TOOLS))


async def test_strict_is_no_matter_of_the_template(client: httpx.AsyncClient, node: ScriptedNode) -> None:
    strict = {**CLOCK, "function": {"name": "clock", "strict": True}}
    request = await asked(client, node, tools=[strict])
    assert isinstance(request.prompt, ChatPrompt)
    assert request.prompt.tools == (CLOCK,)


async def test_earlier_calls_go_to_the_template_with_their_arguments_as_objects(
    client: httpx.AsyncClient, node: ScriptedNode
) -> None:
    made = {"id": "call_1", "type": "function", "function": {"name": "weather", "arguments": '{"city": "Bern"}'}}
    odd = {**made, "function": {"name": "weather", "arguments": "not JSON"}}
    messages = [
        *QUESTION,
        {"role": "assistant", "content": None, "tool_calls": [made, odd], "reasoning_content": "Hm", "refusal": None},
        {"role": "tool", "tool_call_id": "call_1", "content": "rain"},
    ]
    request = await asked(client, node, messages=messages, tools=TOOLS)
    assert isinstance(request.prompt, ChatPrompt)
    _, assistant, tool = request.prompt.messages
    parsed = {**made, "function": {"name": "weather", "arguments": {"city": "Bern"}}}
    assert assistant == {"role": "assistant", "content": "", "tool_calls": [parsed, odd], "reasoning_content": "Hm"}
    assert tool == {"role": "tool", "content": "rain", "tool_call_id": "call_1"}


async def test_what_is_said_of_thinking_goes_to_the_template(client: httpx.AsyncClient, node: ScriptedNode) -> None:
    said: list[tuple[dict[str, object], dict[str, object]]] = [
        ({"enable_thinking": True}, {"enable_thinking": True}),
        ({"reasoning_effort": "none"}, {"reasoning_effort": "none", "enable_thinking": False}),
        ({"reasoning_effort": "high"}, {"reasoning_effort": "high"}),
        ({"chat_template_kwargs": {"mood": 1}, "enable_thinking": False}, {"mood": 1, "enable_thinking": False}),
    ]
    for fields, arguments in said:
        request = await asked(client, node, **fields)
        assert isinstance(request.prompt, ChatPrompt)
        assert request.prompt.template_arguments == arguments


@pytest.mark.parametrize(
    ("fields", "param"),
    [
        ({"tool_choice": "required"}, "tool_choice"),
        ({"tool_choice": "always", "tools": TOOLS}, "tool_choice"),
        ({"tool_choice": {"type": "function", "function": {"name": "launch"}}, "tools": TOOLS}, "tool_choice"),
        ({"tools": [{"type": "custom", "custom": {"name": "x"}}]}, "tools.0.type"),
        ({"tools": [{"type": "function"}]}, "tools.0.function"),
        ({"tools": [{"type": "function", "function": {"name": "no spaces"}}]}, "tools.0.function.name"),
        (
            {"tools": [{"type": "function", "function": {"name": "f", "parameters": "x"}}]},
            "tools.0.function.parameters",
        ),
        ({"messages": [*QUESTION, {"role": "assistant", "tool_calls": [FUNCTION]}]}, "messages.1.tool_calls"),
        ({"messages": [{"role": "assistant", "tool_calls": [{"id": "x"}]}]}, "messages.0.tool_calls.0.function"),
    ],
)
async def test_what_makes_no_sense_is_a_400_that_names_it(
    client: httpx.AsyncClient, node: ScriptedNode, fields: dict[str, object], param: str
) -> None:
    response = await client.post("/v1/chat/completions", json={"model": "tiny", "messages": QUESTION, **fields})
    assert response.status_code == 400
    assert response.json()["error"]["param"] == param
    assert not node.requests
