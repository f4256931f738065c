"""A stream that has nothing to say for long says that it lives: clients and proxies hang up on silence."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator, Callable

import httpx
import pytest

from exo_core.requests import Accepted, Answer, EngineRequest, Progress
from exo_http.testing.scripted_node import ScriptedNode
from exo_http.testing.scripts import chunks_of, saying

STREAM = {"messages": [{"role": "user", "content": "What is 17 + 25?"}], "stream": True}
KEEP_ALIVE = ": keep-alive"
PATIENCE_S = 30

WaitingScript = Callable[[EngineRequest, asyncio.Event], AsyncGenerator[Answer]]
"""What an engine answers, waiting for the event somewhere."""


async def test_while_a_model_loads(client: httpx.AsyncClient, node: ScriptedNode) -> None:
    """At once, since nothing else says that the request was taken."""

    async def loading(request: EngineRequest, back: asyncio.Event) -> AsyncGenerator[Answer]:
        yield Progress(phase="loading", done=1, total=2)
        await back.wait()
        async for answer in saying("now")(request):
            yield answer

    lines = await heard(client, node, loading)
    assert lines[0] == KEEP_ALIVE
    assert text_of(lines) == "now"


async def test_while_an_answer_pauses(
    client: httpx.AsyncClient, node: ScriptedNode, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("exo_api_openai.streamed_answer.KEEP_ALIVE_SECONDS", 0.05)

    async def pausing(request: EngineRequest, back: asyncio.Event) -> AsyncGenerator[Answer]:
        del request
        first, last = chunks_of(["before ", "after"])
        yield Accepted(prompt_ids=(1,))
        yield first
        yield Progress(phase="loading", done=1, total=2)
        await back.wait()
        yield last

    assert text_of(await heard(client, node, pausing)) == "before after"


async def test_while_a_long_prompt_is_read(
    client: httpx.AsyncClient, node: ScriptedNode, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is told of its progress is not for the client, who would hear nothing for minutes."""
    monkeypatch.setattr("exo_api_openai.streamed_answer.KEEP_ALIVE_SECONDS", 0.05)

    async def reading(request: EngineRequest, back: asyncio.Event) -> AsyncGenerator[Answer]:
        del request
        yield Accepted(prompt_ids=(1,))
        while not back.is_set():
            await asyncio.sleep(0.01)
            yield Progress(phase="prefill", done=1, total=2)
        for chunk in chunks_of(["read"]):
            yield chunk

    assert text_of(await heard(client, node, reading)) == "read"


async def heard(client: httpx.AsyncClient, node: ScriptedNode, script: WaitingScript) -> list[str]:
    """The lines of a stream whose script goes on once the client was told that it lives."""
    back = asyncio.Event()
    node.add_script("waiting", lambda request: script(request, back))
    lines: list[str] = []
    async with (
        asyncio.timeout(PATIENCE_S),
        client.stream("POST", "/v1/chat/completions", json={**STREAM, "model": "waiting"}) as response,
    ):
        assert response.status_code == 200
        async for line in response.aiter_lines():
            lines.extend([line] if line else [])
            if line == KEEP_ALIVE:
                back.set()
    assert KEEP_ALIVE in lines
    assert lines[-1] == "data: [DONE]"
    return lines


def text_of(lines: list[str]) -> str:
    """What the choice says."""
    deltas = [json.loads(line[6:])["choices"][0]["delta"] for line in lines if line.startswith("data: {")]
    return "".join(delta.get("content", "") for delta in deltas)
