"""Every field that cannot be honoured is a 400 that names it, and the engine hears nothing."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from exo_http.testing.scripted_node import ScriptedNode

MESSAGES = [{"role": "user", "content": "x"}]
NOTHING: dict[str, Any] = {}


async def refused(client: httpx.AsyncClient, node: ScriptedNode, **fields: Any) -> dict[str, Any]:
    """The error of a request with these fields."""
    body = {"model": "tiny", "messages": MESSAGES, **fields}
    response = await client.post("/v1/chat/completions", json=body)
    assert response.status_code == 400, response.text
    assert not node.requests
    error: dict[str, Any] = response.json()["error"]
    assert error["type"] == "invalid_request_error"
    return error


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("functions", [{"name": "f"}]),
        ("function_call", {"name": "f"}),
        ("modalities", ["text", "audio"]),
        ("audio", {"voice": "x"}),
        ("verbosity", "low"),
        ("web_search_options", NOTHING),
        ("moderation", {"model": "x"}),
    ],
)
async def test_what_is_not_there_yet(client: httpx.AsyncClient, node: ScriptedNode, field: str, value: object) -> None:
    error = await refused(client, node, **{field: value})
    assert (error["param"], error["code"]) == (field, "unsupported_parameter")
    assert field in error["message"]


async def test_what_only_asks_for_what_happens_anyway(client: httpx.AsyncClient) -> None:
    body: dict[str, Any] = {
        "model": "tiny",
        "messages": MESSAGES,
        "functions": [{"name": "f"}],
        "function_call": "none",
        "response_format": {"type": "text"},
        "modalities": ["text"],
        "verbosity": "medium",
    }
    assert (await client.post("/v1/chat/completions", json=body)).status_code == 200


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("temperature", -1),
        ("temperature", "hot"),
        ("top_p", 0),
        ("top_p", 1.5),
        ("max_tokens", 0),
        ("max_completion_tokens", 2**31),
        ("seed", 2**63),
        ("n", 0),
        ("n", 129),
        ("presence_penalty", 3),
        ("stop", [""]),
        ("logit_bias", {"hello": 1}),
        ("logit_bias", {"1": 101}),
        ("top_logprobs", 5),
        ("top_k", 2**63),
        ("min_p", 2),
        ("repetition_penalty", 0),
        ("stream_options", {"include_usage": True}),
        ("messages", []),
        ("messages", "hello"),
        ("model", ""),
        ("model", 5),
        ("reasoning_effort", "all"),
    ],
)
async def test_values_that_break_a_rule(
    client: httpx.AsyncClient, node: ScriptedNode, field: str, value: object
) -> None:
    error = await refused(client, node, **{field: value})
    assert error["param"].split(".")[0] == field


@pytest.mark.parametrize(
    ("message", "param"),
    [
        ({"role": "robot", "content": "x"}, "messages.0.role"),
        ({"content": "x"}, "messages.0.role"),
        ({"role": "user"}, "messages.0.content"),
        ({"role": "user", "content": [{"type": "image_url", "image_url": {"url": "x"}}]}, "messages.0.content.0.type"),
        ({"role": "user", "content": [{"type": "text"}]}, "messages.0.content.0.text"),
    ],
)
async def test_messages(client: httpx.AsyncClient, node: ScriptedNode, message: dict[str, Any], param: str) -> None:
    assert (await refused(client, node, messages=[message]))["param"] == param


@pytest.mark.parametrize(
    "body",
    [
        b'{"model":"tiny","messages":[{"role":"user","content":"x"}],"temperature":NaN}',
        b'{"model":"tiny","messages":[{"role":"user","content":"x","more":' + b"[" * 60 + b"]" * 60 + b"}]}",
        b"[" * 10_000,
        b'"x"',
        b"{}",
    ],
)
async def test_bodies_that_are_none(client: httpx.AsyncClient, node: ScriptedNode, body: bytes) -> None:
    response = await client.post("/v1/chat/completions", content=body, headers={"Content-Type": "application/json"})
    assert response.status_code == 400
    assert not node.requests
