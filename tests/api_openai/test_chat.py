"""Chat completions as OpenAI's client sees them."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator
from typing import Any

import httpx
import openai as openai_errors
import pytest
from openai import AsyncOpenAI
from openai.types.chat import ChatCompletionMessageParam

from exo_core.requests import (
    Accepted,
    Answer,
    ChatPrompt,
    Chunk,
    ChunkLogprobs,
    EngineRequest,
    Failed,
    Generate,
    Progress,
    Refused,
    TokenLogprob,
)
from exo_http.testing.scripted_node import ScriptedNode
from exo_http.testing.scripts import answering, chunks_of

QUESTION: list[ChatCompletionMessageParam] = [{"role": "user", "content": "What is 17 + 25?"}]
STREAM = {"model": "tiny", "messages": QUESTION, "stream": True}


def events_of(text: str) -> list[str]:
    """The blocks of a stream."""
    return text.removesuffix("\n\n").split("\n\n")


async def test_a_whole_answer(openai: AsyncOpenAI) -> None:
    answer = await openai.chat.completions.create(model="tiny", messages=QUESTION)
    assert answer.object == "chat.completion"
    assert answer.model == "tiny"
    assert [choice.message.content for choice in answer.choices] == ["The answer is 42"]
    assert answer.choices[0].message.role == "assistant"
    assert answer.choices[0].finish_reason == "stop"
    assert answer.usage is not None
    assert (answer.usage.prompt_tokens, answer.usage.completion_tokens, answer.usage.total_tokens) == (5, 5, 10)
    assert answer.usage.prompt_tokens_details is not None
    assert answer.usage.prompt_tokens_details.cached_tokens == 1


async def test_a_streamed_answer_is_a_chunk_per_token(openai: AsyncOpenAI) -> None:
    stream = await openai.chat.completions.create(model="tiny", messages=QUESTION, stream=True)
    chunks = [chunk async for chunk in stream]
    assert {chunk.id for chunk in chunks} == {chunks[0].id}
    assert {chunk.object for chunk in chunks} == {"chat.completion.chunk"}
    deltas = [chunk.choices[0].delta for chunk in chunks]
    assert deltas[0].role == "assistant"
    assert [delta.content for delta in deltas] == ["", "The ", "answer ", "is ", "4", "2"]
    assert [chunk.choices[0].finish_reason for chunk in chunks] == [None, None, None, None, None, "stop"]
    assert all(chunk.usage is None for chunk in chunks)


async def test_a_stream_counts_tokens_when_asked(openai: AsyncOpenAI, client: httpx.AsyncClient) -> None:
    stream = await openai.chat.completions.create(
        model="tiny", messages=QUESTION, stream=True, stream_options={"include_usage": True}
    )
    chunks = [chunk async for chunk in stream]
    assert chunks[-1].choices == []
    assert chunks[-1].usage is not None
    assert chunks[-1].usage.completion_tokens == 5
    body = {**STREAM, "stream_options": {"include_usage": True}}
    blocks = events_of((await client.post("/v1/chat/completions", json=body)).text)
    assert blocks[-1] == "data: [DONE]"
    assert all(json.loads(block[6:])["usage"] is None for block in blocks[:-2])


async def test_several_choices(openai: AsyncOpenAI) -> None:
    whole = await openai.chat.completions.create(model="tiny", messages=QUESTION, n=3)
    assert [choice.index for choice in whole.choices] == [0, 1, 2]
    assert {choice.message.content for choice in whole.choices} == {"The answer is 42"}
    stream = await openai.chat.completions.create(model="tiny", messages=QUESTION, n=2, stream=True)
    texts = {0: "", 1: ""}
    async for chunk in stream:
        texts[chunk.choices[0].index] += chunk.choices[0].delta.content or ""
    assert texts == {0: "The answer is 42", 1: "The answer is 42"}


async def test_reasoning_has_a_field_of_its_own(openai: AsyncOpenAI, node: ScriptedNode) -> None:
    thought = Chunk(index=0, token_id=1, text_from=0, text="hm", channel="reasoning")
    said = Chunk(index=1, token_id=2, text_from=0, text="42", finish="stop")
    node.add_script("thinker", answering(Accepted(prompt_ids=(1,)), thought, said))
    answer = await openai.chat.completions.create(model="thinker", messages=QUESTION)
    assert answer.choices[0].message.content == "42"
    assert answer.choices[0].message.model_extra == {"reasoning_content": "hm"}
    assert answer.usage is not None
    assert answer.usage.completion_tokens_details is not None
    assert answer.usage.completion_tokens_details.reasoning_tokens == 1
    stream = await openai.chat.completions.create(model="thinker", messages=QUESTION, stream=True)
    deltas = [chunk.choices[0].delta async for chunk in stream]
    assert deltas[1].model_extra == {"reasoning_content": "hm"}
    assert deltas[2].content == "42"


async def test_logprobs(openai: AsyncOpenAI, node: ScriptedNode) -> None:
    drawn = TokenLogprob(token_id=1, token="é", logprob=-0.5)
    other = TokenLogprob(token_id=2, token="\ufffd", logprob=float("-inf"))
    chunk = Chunk(
        index=0,
        token_id=1,
        text_from=0,
        text="é",
        finish="length",
        logprobs=ChunkLogprobs(drawn=drawn, top=(drawn, other)),
    )
    node.add_script("sure", answering(Accepted(prompt_ids=(1,)), chunk))
    answer = await openai.chat.completions.create(model="sure", messages=QUESTION, logprobs=True, top_logprobs=2)
    logprobs = answer.choices[0].logprobs
    assert logprobs is not None
    assert logprobs.content is not None
    entry = logprobs.content[0]
    assert (entry.token, entry.logprob, entry.bytes) == ("é", -0.5, [195, 169])
    assert [(top.logprob, top.bytes) for top in entry.top_logprobs] == [(-0.5, [195, 169]), (-9999.0, None)]
    assert answer.choices[0].finish_reason == "length"
    request = node.requests[-1]
    assert isinstance(request, Generate)
    assert request.sampling.logprobs == 2
    stream = await openai.chat.completions.create(model="sure", messages=QUESTION, logprobs=True, stream=True)
    streamed = [chunk.choices[0].logprobs async for chunk in stream]
    assert streamed[0] is None
    assert streamed[1] is not None
    assert streamed[1].content is not None
    assert streamed[1].content[0].token == "é"


async def test_what_the_engine_is_asked(openai: AsyncOpenAI, node: ScriptedNode) -> None:
    await openai.chat.completions.create(
        model="tiny",
        messages=[
            {"role": "developer", "content": "Be short."},
            {
                "role": "user",
                "content": [{"type": "text", "text": "Hel"}, {"type": "text", "text": "lo"}],
                "name": "Bo",
            },
            {"role": "assistant", "content": "The"},
        ],
        max_tokens=5,
        max_completion_tokens=7,
        temperature=0,
        top_p=0.5,
        stop=["a", "b"],
        seed=-3,
        presence_penalty=1,
        frequency_penalty=-1.5,
        logit_bias={"12": 5, "7": -100},
        n=2,
        reasoning_effort="low",
        extra_body={
            "top_k": 4,
            "min_p": 0.1,
            "repetition_penalty": 1.1,
            "ignore_eos": True,
            "min_tokens": 2,
            "exact": True,
        },
    )
    request = node.requests[-1]
    assert isinstance(request, Generate)
    assert isinstance(request.prompt, ChatPrompt)
    assert request.prompt.messages == (
        {"role": "system", "content": "Be short."},
        {"role": "user", "content": "Hello", "name": "Bo"},
        {"role": "assistant", "content": "The"},
    )
    assert request.prompt.template_arguments == {"reasoning_effort": "low"}
    assert (request.max_tokens, request.stop, request.choices, request.exact) == (7, ("a", "b"), 2, True)
    sampling = request.sampling
    assert (sampling.temperature, sampling.top_p, sampling.seed) == (0.0, 0.5, -3)
    assert (sampling.presence_penalty, sampling.frequency_penalty) == (1.0, -1.5)
    assert sampling.logit_bias == ((12, 5.0), (7, -100.0))
    assert (sampling.top_k, sampling.min_p, sampling.repetition_penalty) == (4, 0.1, 1.1)
    assert (sampling.ignore_eos, sampling.min_tokens, sampling.logprobs) == (True, 2, None)


async def test_defaults_and_a_seed_of_its_own_for_every_request(openai: AsyncOpenAI, node: ScriptedNode) -> None:
    for _ in range(3):
        await openai.chat.completions.create(model="tiny", messages=QUESTION, stop="x")
    requests = [request for request in node.requests if isinstance(request, Generate)]
    assert len({request.sampling.seed for request in requests}) == 3
    assert len({request.request_id for request in requests}) == 3
    assert (requests[0].sampling.temperature, requests[0].sampling.top_p, requests[0].max_tokens) == (1.0, 1.0, None)
    assert requests[0].stop == ("x",)


async def test_a_chunk_without_text_keeps_its_place(client: httpx.AsyncClient, node: ScriptedNode) -> None:
    node.add_script("slow", answering(Accepted(prompt_ids=(1,)), *chunks_of(["", "é", ""])))
    blocks = events_of((await client.post("/v1/chat/completions", json={**STREAM, "model": "slow"})).text)
    deltas = [json.loads(block[6:])["choices"][0]["delta"] for block in blocks[:-1]]
    assert deltas == [{"role": "assistant", "content": ""}, {"content": ""}, {"content": "é"}, {}]


async def test_unknown_fields_are_named_and_known_ones_without_effect_are_not(client: httpx.AsyncClient) -> None:
    known: dict[str, Any] = {
        "user": "me",
        "metadata": {"a": "b"},
        "service_tier": "auto",
        "store": False,
        "tools": [],
        "n": None,
    }
    unknown = {"frob": 1, "zür\r\nX-Evil: 1": 2}
    for stream in (False, True):
        body = {"model": "tiny", "messages": QUESTION, "stream": stream, **known, **unknown}
        response = await client.post("/v1/chat/completions", json=body)
        assert response.status_code == 200
        assert response.headers["x-exo-ignored"] == "frob, z%C3%BCr%0D%0AX-Evil%3A%201"
    clean = await client.post("/v1/chat/completions", json={"model": "tiny", "messages": QUESTION, **known})
    assert "x-exo-ignored" not in clean.headers


@pytest.mark.parametrize("stream", [False, True])
async def test_a_refusal_has_its_status_before_anything_is_sent(
    openai: AsyncOpenAI, node: ScriptedNode, *, stream: bool
) -> None:
    node.add_script("full", answering(Refused(status=429, code="queue_full", message="come back later")))
    node.add_script("short", answering(Refused(status=400, code="context_length_exceeded", message="too long")))
    with pytest.raises(openai_errors.NotFoundError) as unknown:
        await openai.chat.completions.create(model="nobody/knows", messages=QUESTION, stream=stream)
    assert unknown.value.code == "model_not_found"
    assert unknown.value.param == "model"
    with pytest.raises(openai_errors.RateLimitError) as full:
        await openai.chat.completions.create(model="full", messages=QUESTION, stream=stream)
    assert (full.value.code, full.value.type) == ("queue_full", "rate_limit_error")
    assert full.value.response.headers["retry-after"] == "1"
    with pytest.raises(openai_errors.BadRequestError, match="too long"):
        await openai.chat.completions.create(model="short", messages=QUESTION, stream=stream)


async def test_a_failure_after_the_start(openai: AsyncOpenAI, client: httpx.AsyncClient, node: ScriptedNode) -> None:
    first = chunks_of(["The ", "end"], finish=None)
    lost = Failed(code="instance_lost", message="the machine 'mac' went away")
    node.add_script("lost", answering(Accepted(prompt_ids=(1,)), *first, lost))
    with pytest.raises(openai_errors.InternalServerError) as whole:
        await openai.chat.completions.create(model="lost", messages=QUESTION)
    assert (whole.value.status_code, whole.value.code) == (503, "instance_lost")
    stream = await openai.chat.completions.create(model="lost", messages=QUESTION, stream=True)
    chunks = aiter(stream)
    assert [(await anext(chunks)).choices[0].delta.content for _ in range(3)] == ["", "The ", "end"]
    with pytest.raises(openai_errors.APIError, match="the machine 'mac' went away"):
        await anext(chunks)
    response = await client.post("/v1/chat/completions", json={**STREAM, "model": "lost"})
    blocks = events_of(response.text)
    assert response.status_code == 200
    assert json.loads(blocks[-1][6:])["error"]["code"] == "instance_lost"
    assert "data: [DONE]" not in blocks


async def test_an_engine_that_breaks_is_an_error_without_its_words(
    client: httpx.AsyncClient, node: ScriptedNode, caplog: pytest.LogCaptureFixture
) -> None:
    async def breaks(request: EngineRequest) -> AsyncGenerator[Answer]:
        yield Accepted(prompt_ids=(1,))
        message = f"secret {request.request_id}"
        raise RuntimeError(message)

    node.add_script("breaks", breaks)
    whole = await client.post("/v1/chat/completions", json={"model": "breaks", "messages": QUESTION})
    streamed = await client.post("/v1/chat/completions", json={**STREAM, "model": "breaks"})
    assert whole.status_code == 500
    assert json.loads(events_of(streamed.text)[-1][6:])["error"]["code"] == "internal_error"
    assert "secret" not in whole.text + streamed.text + caplog.text


async def test_a_load_that_fails_at_once_has_a_status_and_one_that_fails_later_an_event(
    client: httpx.AsyncClient, node: ScriptedNode
) -> None:
    fails = asyncio.Event()
    refusal = Refused(status=503, code="does_not_fit", message="needs 40 GB, there are 12 GB")

    async def later(request: EngineRequest) -> AsyncGenerator[Answer]:
        del request
        yield Progress(phase="loading", done=1, total=2)
        await fails.wait()
        yield refusal

    node.add_script("at once", answering(Progress(phase="placing", done=0, total=0), refusal))
    node.add_script("later", later)
    at_once = await client.post("/v1/chat/completions", json={**STREAM, "model": "at once"})
    assert (at_once.status_code, at_once.json()["error"]["code"]) == (503, "does_not_fit")
    async with client.stream("POST", "/v1/chat/completions", json={**STREAM, "model": "later"}) as response:
        assert response.status_code == 200
        fails.set()
        last = [line async for line in response.aiter_lines() if line][-1]
    assert json.loads(last[6:])["error"]["message"] == "needs 40 GB, there are 12 GB"
