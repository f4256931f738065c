"""`/tokenize` and `/detokenize`, as vLLM has them."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from exo_core.requests import ChatPrompt, Tokenize
from exo_http.testing.scripted_node import ScriptedNode
from exo_http.testing.word_engine import word_engine


@pytest.fixture
def node(node: ScriptedNode) -> ScriptedNode:
    """With a model made of words."""
    node.add_script("words", word_engine)
    return node


async def test_there_and_back(client: httpx.AsyncClient) -> None:
    there = (await client.post("/tokenize", json={"model": "words", "prompt": "one two", "frob": 1})).json()
    assert there == {"count": 3, "max_model_len": None, "tokens": [0, 1, 2], "token_strs": None}
    back = await client.post("/detokenize", json={"model": "words", "tokens": there["tokens"], "frob": 1})
    assert back.json() == {"prompt": "one two"}
    assert back.headers["x-exo-ignored"] == "frob"


async def test_a_conversation(client: httpx.AsyncClient, node: ScriptedNode) -> None:
    body = {"model": "words", "messages": [{"role": "user", "content": "one"}], "add_special_tokens": True}
    assert (await client.post("/tokenize", json=body)).json()["count"] == 2
    request = node.requests[-1]
    assert isinstance(request, Tokenize)
    assert request.prompt == ChatPrompt(messages=({"role": "user", "content": "one"},))


BROKEN: list[tuple[str, dict[str, Any], str]] = [
    ("/tokenize", {}, "prompt"),
    ("/tokenize", {"prompt": "a", "messages": [{"role": "user", "content": "a"}]}, "prompt"),
    ("/tokenize", {"prompt": "a", "add_special_tokens": False}, "add_special_tokens"),
    ("/tokenize", {"prompt": "a", "return_token_strs": True}, "return_token_strs"),
    ("/detokenize", {"tokens": [-1]}, "tokens"),
    ("/detokenize", {"tokens": []}, "tokens"),
]


@pytest.mark.parametrize(("path", "fields", "param"), BROKEN)
async def test_values_that_break_a_rule(
    client: httpx.AsyncClient, node: ScriptedNode, path: str, fields: dict[str, Any], param: str
) -> None:
    response = await client.post(path, json={"model": "words", **fields})
    assert response.status_code == 400
    assert response.json()["error"]["param"].split(".")[0] == param
    assert not node.requests
