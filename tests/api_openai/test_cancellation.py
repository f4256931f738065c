"""A request ends when its client goes, or when it is told to."""

from __future__ import annotations

import asyncio

import httpx
import pytest
from openai import AsyncOpenAI
from openai.types.chat import ChatCompletionMessageParam

from exo_http.testing.scripted_node import ScriptedNode

QUESTION: list[ChatCompletionMessageParam] = [{"role": "user", "content": "Go on."}]


async def nothing_runs(node: ScriptedNode) -> None:
    """Wait until no request is open."""
    async with asyncio.timeout(2):
        async for _ in node.changes():
            if not node.open_requests:
                return


async def something_runs(node: ScriptedNode) -> None:
    """Wait until a request is open."""
    async with asyncio.timeout(2):
        async for _ in node.changes():
            if node.open_requests:
                return


async def test_a_client_that_leaves_a_stream_cancels_it(openai: AsyncOpenAI, node: ScriptedNode) -> None:
    stream = await openai.chat.completions.create(model="endless", messages=QUESTION, stream=True)
    await anext(aiter(stream))
    assert len(node.open_requests) == 1
    await stream.close()
    await nothing_runs(node)


async def test_a_client_that_does_not_wait_for_a_whole_answer_cancels_it(
    openai: AsyncOpenAI, node: ScriptedNode
) -> None:
    asking = asyncio.create_task(openai.chat.completions.create(model="endless", messages=QUESTION))
    await something_runs(node)
    asking.cancel()
    await nothing_runs(node)


async def test_clients_that_leave_before_the_answer_begins(
    url: str, client: httpx.AsyncClient, node: ScriptedNode
) -> None:
    before = asyncio.all_tasks()
    body = b'{"model":"endless","stream":true,"messages":[{"role":"user","content":"x"}]}'
    head = b"POST /v1/chat/completions HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
    host, _, port = url.removeprefix("http://").rpartition(":")
    for _ in range(20):
        _, writer = await asyncio.open_connection(host, int(port))
        writer.write(head + b"Content-Length: %d\r\n\r\n" % len(body) + body)
        await writer.drain()
        writer.transport.abort()
    assert (await client.get("/health")).status_code == 200  # by now the server has met all of them
    left = asyncio.all_tasks() - before
    if left:
        await asyncio.wait(left, timeout=2)
    assert not any(not task.done() for task in left)
    assert not node.open_requests


@pytest.mark.parametrize("stream", [False, True])
async def test_cancel_by_the_id_the_client_knows(
    client: httpx.AsyncClient, node: ScriptedNode, *, stream: bool
) -> None:
    body = {"model": "endless", "messages": QUESTION, "stream": stream}
    asking = asyncio.create_task(client.post("/v1/chat/completions", json=body))
    await something_runs(node)
    (request_id,) = node.open_requests
    cancelled = await client.post(f"/v1/cancel/chatcmpl-{request_id}")
    assert cancelled.json()["cancelled"] is True
    response = await asking
    assert response.headers["x-request-id"] == f"req_{request_id}"
    assert '"code":"cancelled"' in response.text.replace(" ", "")
    assert response.status_code == (200 if stream else 409)
    assert not node.open_requests
    again = await client.post(f"/v1/cancel/req_{request_id}")
    assert (again.status_code, again.json()["error"]["code"]) == (404, "request_not_found")
