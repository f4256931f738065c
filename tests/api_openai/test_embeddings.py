"""Embeddings as OpenAI's client sees them."""

from __future__ import annotations

import base64
import struct
from typing import Any

import httpx
import openai as openai_errors
import pytest
from openai import AsyncOpenAI

from exo_core.requests import Embed, TextPrompt, TokenPrompt
from exo_http.testing.scripted_node import ScriptedNode
from exo_http.testing.word_engine import word_engine


@pytest.fixture
def node(node: ScriptedNode) -> ScriptedNode:
    """With a model made of words."""
    node.add_script("words", word_engine)
    return node


@pytest.mark.parametrize(
    ("texts", "prompts"),
    [
        ("one two", [TextPrompt(text="one two")]),
        (["one", "one two"], [TextPrompt(text="one"), TextPrompt(text="one two")]),
        ([1, 2], [TokenPrompt(token_ids=(1, 2))]),
        ([[1], [2, 3]], [TokenPrompt(token_ids=(1,)), TokenPrompt(token_ids=(2, 3))]),
    ],
)
async def test_every_form_of_input(openai: AsyncOpenAI, node: ScriptedNode, texts: Any, prompts: list[Any]) -> None:
    answer = await openai.embeddings.create(model="words", input=texts, encoding_format="float")
    assert [item.index for item in answer.data] == list(range(len(prompts)))
    for item in answer.data:
        assert item.embedding == pytest.approx([0.6, 0.8])  # of length one
    request = node.requests[-1]
    assert isinstance(request, Embed)
    assert list(request.prompts) == prompts
    assert not request.exact


async def test_a_vector_is_exact_if_it_is_asked_for_so(openai: AsyncOpenAI, node: ScriptedNode) -> None:
    await openai.embeddings.create(model="words", input="one", encoding_format="float", extra_body={"exact": True})
    request = node.requests[-1]
    assert isinstance(request, Embed)
    assert request.exact


async def test_base64_is_what_the_client_asks_for_by_itself(openai: AsyncOpenAI, client: httpx.AsyncClient) -> None:
    answer = await openai.embeddings.create(model="words", input="one")
    assert answer.data[0].embedding == pytest.approx([0.6, 0.8])
    assert answer.usage.prompt_tokens == answer.usage.total_tokens == 2
    body = {"model": "words", "input": "one", "encoding_format": "base64"}
    document = (await client.post("/v1/embeddings", json=body)).json()
    packed = base64.b64decode(document["data"][0]["embedding"])
    assert struct.unpack("<2f", packed) == pytest.approx((0.6, 0.8))
    assert (document["object"], document["model"]) == ("list", "words")


async def test_only_as_many_dimensions_as_there_are(openai: AsyncOpenAI) -> None:
    assert len((await openai.embeddings.create(model="words", input="one", dimensions=2)).data[0].embedding) == 2
    with pytest.raises(openai_errors.BadRequestError, match="vectors have 2") as caught:
        await openai.embeddings.create(model="words", input="one", dimensions=1)
    assert caught.value.param == "dimensions"


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("input", ""),
        ("input", []),
        ("input", ["one", ""]),
        ("input", 5),
        ("encoding_format", "int8"),
        ("dimensions", 0),
    ],
)
async def test_values_that_break_a_rule(
    client: httpx.AsyncClient, node: ScriptedNode, field: str, value: object
) -> None:
    response = await client.post("/v1/embeddings", json={"model": "words", "input": "one", field: value})
    assert response.status_code == 400
    assert response.json()["error"]["param"].split(".")[0] == field
    assert not node.requests


async def test_unknown_fields_are_named_and_an_unknown_model_is_too(client: httpx.AsyncClient) -> None:
    response = await client.post("/v1/embeddings", json={"model": "words", "input": "one", "frob": 1})
    assert response.headers["x-exo-ignored"] == "frob"
    missing = await client.post("/v1/embeddings", json={"model": "nobody/knows", "input": "one"})
    assert (missing.status_code, missing.json()["error"]["code"]) == (404, "model_not_found")
