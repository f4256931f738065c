"""`response_format`: what the engine is asked, and what the client hears when it cannot be had."""

from __future__ import annotations

import json
from typing import Any

import httpx
import pytest
from openai import AsyncOpenAI, BadRequestError
from pydantic import BaseModel

from exo_core.frozen import JsonObject
from exo_core.requests import Accepted, ChatPrompt, Failed, Generate, Grammar, Refused
from exo_http.testing.scripted_node import ScriptedNode
from exo_http.testing.scripts import answering, saying

MESSAGES: list[Any] = [{"role": "user", "content": "Who?"}]
SCHEMA = {"type": "object", "properties": {"é": {"type": "integer"}}}


async def asked(client: httpx.AsyncClient, node: ScriptedNode, response_format: object) -> Grammar | None:
    """The grammar that the engine was asked for."""
    body = {"model": "tiny", "messages": MESSAGES, "response_format": response_format}
    response = await client.post("/v1/chat/completions", json=body)
    assert response.status_code == 200, response.text
    assert "X-Exo-Ignored" not in response.headers
    request = node.requests[-1]
    assert isinstance(request, Generate)
    return request.grammar


def template_arguments(node: ScriptedNode) -> JsonObject:
    """What the chat template is told."""
    request = node.requests[-1]
    assert isinstance(request, Generate)
    assert isinstance(request.prompt, ChatPrompt)
    return request.prompt.template_arguments


async def error_of(client: httpx.AsyncClient, response_format: object, **fields: object) -> dict[str, Any]:
    body = {"model": "tiny", "messages": MESSAGES, "response_format": response_format, **fields}
    response = await client.post("/v1/chat/completions", json=body)
    assert response.status_code == 400, response.text
    error: dict[str, Any] = response.json()["error"]
    assert error["type"] == "invalid_request_error"
    return error


async def test_text_is_held_to_nothing(client: httpx.AsyncClient, node: ScriptedNode) -> None:
    assert await asked(client, node, {"type": "text"}) is None
    assert template_arguments(node) == {}
    assert await asked(client, node, None) is None


async def test_the_engine_is_asked_for_json(client: httpx.AsyncClient, node: ScriptedNode) -> None:
    assert await asked(client, node, {"type": "json_object"}) == Grammar(kind="json_object")


@pytest.mark.parametrize("strict", [True, False, None])
async def test_the_engine_is_asked_for_a_schema(
    client: httpx.AsyncClient, node: ScriptedNode, strict: bool | None
) -> None:
    named = {"name": "a_number", "description": "of something", "strict": strict, "schema": SCHEMA}
    response_format = {"type": "json_schema", "json_schema": named}
    grammar = await asked(client, node, response_format)
    assert grammar is not None
    assert grammar.kind == "json_schema"
    assert json.loads(grammar.text) == SCHEMA
    assert template_arguments(node) == {"response_format": response_format}


async def test_without_a_schema_any_json_will_do(client: httpx.AsyncClient, node: ScriptedNode) -> None:
    grammar = await asked(client, node, {"type": "json_schema", "json_schema": {"name": "anything"}})
    assert grammar == Grammar(kind="json_schema", text="{}")


@pytest.mark.parametrize(
    ("response_format", "param"),
    [
        ({"type": "xml"}, "response_format.type"),
        ({}, "response_format.type"),
        ("json", "response_format"),
        ({"type": "json_schema"}, "response_format.json_schema"),
        ({"type": "json_schema", "json_schema": {}}, "response_format.json_schema.name"),
        ({"type": "json_schema", "json_schema": {"name": "a name"}}, "response_format.json_schema.name"),
        ({"type": "json_schema", "json_schema": {"name": "x", "schema": "{}"}}, "response_format.json_schema.schema"),
        (
            {"type": "json_schema", "json_schema": {"name": "x", "schema": {"title": "x" * 300_000}}},
            "response_format.json_schema",
        ),
    ],
)
async def test_what_is_no_response_format(client: httpx.AsyncClient, response_format: object, param: str) -> None:
    assert (await error_of(client, response_format))["param"] == param


REFUSED = Refused(status=400, code="invalid_grammar", message="the JSON schema cannot be used: the keyword 'not' …")


@pytest.mark.parametrize("stream", [False, True])
async def test_a_schema_that_the_engine_cannot_take_is_the_fields_fault(
    client: httpx.AsyncClient, node: ScriptedNode, stream: bool
) -> None:
    node.add_script("strict", answering(REFUSED))
    error = await error_of(client, {"type": "json_object"}, model="strict", stream=stream)
    assert (error["param"], error["code"]) == ("response_format", "invalid_grammar")
    assert "'not'" in error["message"]


async def test_a_schema_that_turns_out_too_large_is_the_fields_fault(
    client: httpx.AsyncClient, node: ScriptedNode
) -> None:
    node.add_script("large", answering(Accepted(prompt_ids=(1,)), Failed(code="grammar_broken", message="too many")))
    error = await error_of(client, {"type": "json_object"}, model="large")
    assert (error["param"], error["code"]) == ("response_format", "grammar_broken")


class Answer(BaseModel):
    """What a program asks for."""

    number: int


async def test_the_official_client_parses_what_it_asked_for(openai: AsyncOpenAI, node: ScriptedNode) -> None:
    node.add_script("json", saying('{"num', 'ber"', ": 42}"))
    completion = await openai.chat.completions.parse(model="json", messages=MESSAGES, response_format=Answer)
    assert completion.choices[0].message.parsed == Answer(number=42)
    (request,) = node.requests
    assert isinstance(request, Generate)
    assert request.grammar is not None
    assert json.loads(request.grammar.text)["additionalProperties"] is False


async def test_the_official_client_raises_what_the_engine_refuses(openai: AsyncOpenAI, node: ScriptedNode) -> None:
    node.add_script("strict", answering(REFUSED))
    with pytest.raises(BadRequestError) as caught:
        await openai.chat.completions.parse(model="strict", messages=MESSAGES, response_format=Answer)
    assert caught.value.param == "response_format"
