"""Completions as OpenAI's client sees them: every form of prompt, several at once, and the prompt's own tokens."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from typing import Any

import httpx
import openai as openai_errors
import pytest
from openai import AsyncOpenAI

from exo_core.requests import (
    Accepted,
    Answer,
    Chunk,
    EngineRequest,
    Failed,
    Generate,
    Refused,
    Result,
    Score,
    TextPrompt,
    TokenPrompt,
)
from exo_http.testing.scripted_node import ScriptedNode
from exo_http.testing.scripts import answering, endless
from exo_http.testing.word_engine import word_engine


@pytest.fixture
def node(node: ScriptedNode) -> ScriptedNode:
    """With a model made of words."""
    node.add_script("words", word_engine)
    return node


@pytest.mark.parametrize(
    ("prompt", "texts"),
    [
        ("one two", [" two two"]),
        ([1, 3], [" three three"]),
        (["one", "one two"], ["oneone", " two two"]),
        ([[1, 4], [5]], [" four four", " five five"]),
    ],
)
async def test_every_form_of_prompt_whole_and_streamed(openai: AsyncOpenAI, prompt: Any, texts: list[str]) -> None:
    whole = await openai.completions.create(model="words", prompt=prompt, max_tokens=2)
    assert [choice.text for choice in whole.choices] == texts
    assert [choice.finish_reason for choice in whole.choices] == ["length"] * len(texts)
    assert (whole.object, whole.id[:5]) == ("text_completion", "cmpl-")
    options: Any = {"include_usage": True}
    stream = await openai.completions.create(
        model="words", prompt=prompt, max_tokens=2, stream=True, stream_options=options
    )
    streamed = dict.fromkeys(range(len(texts)), "")
    chunks = [chunk async for chunk in stream]
    for chunk in chunks[:-1]:
        streamed[chunk.choices[0].index] += chunk.choices[0].text
    assert list(streamed.values()) == texts
    assert chunks[-1].usage == whole.usage
    assert whole.usage is not None
    assert whole.usage.completion_tokens == 2 * len(texts)


async def test_choices_of_several_prompts_are_counted_through(openai: AsyncOpenAI, node: ScriptedNode) -> None:
    whole = await openai.completions.create(model="words", prompt=["one", "one two"], n=2, max_tokens=1)
    assert [(choice.index, choice.text) for choice in whole.choices] == [
        (0, "one"),
        (1, "one"),
        (2, " two"),
        (3, " two"),
    ]
    requests = [request for request in node.requests if isinstance(request, Generate)]
    assert [request.prompt for request in requests] == [TextPrompt(text="one"), TextPrompt(text="one two")]
    assert len({request.request_id for request in requests}) == 2
    assert requests[0].sampling.seed != requests[1].sampling.seed


async def test_sixteen_tokens_unless_told(openai: AsyncOpenAI, node: ScriptedNode) -> None:
    await openai.completions.create(model="words", prompt="one")
    request = node.requests[-1]
    assert isinstance(request, Generate)
    assert request.max_tokens == 16


async def test_logprobs(openai: AsyncOpenAI) -> None:
    whole = await openai.completions.create(model="words", prompt="one two", logprobs=2, max_tokens=2)
    logprobs = whole.choices[0].logprobs
    assert logprobs is not None
    assert logprobs.tokens == [" two", " two"]
    assert logprobs.token_logprobs == [-2.0, -2.0]
    assert logprobs.top_logprobs == [{"<s>": 0.0, "one": -1.0}] * 2
    assert logprobs.text_offset == [0, 4]


async def test_the_prompt_first_with_the_logprobs_of_its_own_tokens(openai: AsyncOpenAI, node: ScriptedNode) -> None:
    expected: dict[str, list[Any]] = {
        "tokens": ["", "one", " two", " two"],
        "token_logprobs": [None, -1.0, -2.0, -2.0],
        "top_logprobs": [None, {"<s>": 0.0}, {"<s>": 0.0}, {"<s>": 0.0}],
        "text_offset": [0, 0, 3, 7],
    }
    whole = await openai.completions.create(model="words", prompt="one two", echo=True, logprobs=1, max_tokens=1)
    assert whole.choices[0].text == "one two two"
    assert whole.choices[0].logprobs is not None
    assert whole.choices[0].logprobs.model_dump() == expected
    only = await openai.completions.create(model="words", prompt="one two", echo=True, logprobs=1, max_tokens=0)
    assert only.choices[0].text == "one two"
    assert only.choices[0].logprobs is not None
    assert only.choices[0].logprobs.model_dump() == {name: values[:3] for name, values in expected.items()}
    assert only.usage is not None
    assert (only.usage.prompt_tokens, only.usage.completion_tokens) == (3, 0)
    assert sum(isinstance(request, Generate) for request in node.requests) == 1


async def test_token_ids_are_echoed_as_text_also_in_a_stream(openai: AsyncOpenAI) -> None:
    stream = await openai.completions.create(model="words", prompt=[[1], [3, 4]], echo=True, max_tokens=1, stream=True)
    texts = {0: "", 1: ""}
    async for chunk in stream:
        texts[chunk.choices[0].index] += chunk.choices[0].text
    assert texts == {0: "oneone", 1: " three four four"}


async def test_an_echo_that_fails_ends_the_others(openai: AsyncOpenAI, node: ScriptedNode) -> None:
    started = asyncio.Event()

    async def script(request: EngineRequest) -> AsyncGenerator[Answer]:
        yield Accepted(prompt_ids=(1, 2))
        if not isinstance(request, Score):
            yield Result(text="one")
        elif request.request_id.endswith("-1-score"):
            await started.wait()
            yield Failed(code="broken", message="it broke")
        else:
            started.set()
            await asyncio.Event().wait()

    node.add_script("uneven", script)
    with pytest.raises(openai_errors.APIError):
        await openai.completions.create(model="uneven", prompt=["a", "b"], echo=True, logprobs=1, max_tokens=0)
    assert started.is_set()
    assert node.open_requests == set()


BROKEN: list[tuple[str, Any]] = [
    ("suffix", " end"),
    ("best_of", 3),
    ("max_tokens", 0),
    ("prompt", []),
    ("prompt", [[]]),
    ("prompt", ""),
    ("prompt", [-1]),
    ("prompt", [2**31]),
    ("prompt", ["a", 1]),
    ("prompt", None),
    ("prompt", ["a"] * 513),
    ("logprobs", 21),
    ("echo", "yes"),
    ("n", 129),
]


@pytest.mark.parametrize(("field", "value"), BROKEN)
async def test_values_that_break_a_rule(
    client: httpx.AsyncClient, node: ScriptedNode, field: str, value: object
) -> None:
    body = {"model": "words", "prompt": "one", field: value}
    response = await client.post("/v1/completions", json=body)
    assert response.status_code == 400, response.text
    assert response.json()["error"]["param"].split(".")[0] == field
    assert not node.requests


async def test_one_prompt_that_is_refused_refuses_all(openai: AsyncOpenAI, node: ScriptedNode) -> None:
    closed: list[str] = []

    async def script(request: EngineRequest) -> AsyncGenerator[Answer]:
        assert isinstance(request, Generate)
        try:
            if request.prompt == TokenPrompt(token_ids=(9,)):
                yield Refused(status=400, code="invalid_token", message="token id 9 is not below 9")
                return
            yield Accepted(prompt_ids=(1,))
            await asyncio.Event().wait()
        finally:
            closed.append(request.request_id)

    node.add_script("picky", script)
    with pytest.raises(openai_errors.BadRequestError, match="token id 9"):
        await openai.completions.create(model="picky", prompt=[[1], [9], [2]])
    assert len(closed) == 3
    assert not node.open_requests


async def test_the_one_id_of_several_prompts_cancels_them_all(client: httpx.AsyncClient, node: ScriptedNode) -> None:
    node.add_script("endless", endless())
    body = {"model": "endless", "prompt": ["a", "b", "c"], "stream": True}
    async with client.stream("POST", "/v1/completions", json=body) as response:
        shown = response.headers["x-request-id"]
        assert len(node.open_requests) == 3
        assert (await client.post(f"/v1/cancel/{shown}")).status_code == 200
        lines = [line async for line in response.aiter_lines() if line]
    assert "cancelled" in lines[-1]
    assert not node.open_requests


async def test_a_failure_of_one_part_ends_the_stream(client: httpx.AsyncClient, node: ScriptedNode) -> None:
    node.add_script("short", answering(Accepted(prompt_ids=(1,)), Chunk(index=0, token_id=1, text_from=0, text="a")))
    body = {"model": "short", "prompt": ["a", "b"], "stream": True}
    blocks = (await client.post("/v1/completions", json=body)).text.removesuffix("\n\n").split("\n\n")
    assert '"error"' in blocks[-1]
