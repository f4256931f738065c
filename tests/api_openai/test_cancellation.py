"""A request ends when its client goes, or when it is told to."""

from __future__ import annotations

import asyncio

import httpx
import pytest
from openai import AsyncOpenAI
from openai.types.chat import ChatCompletionMessageParam

from exo_core.identifiers import CommandId
from exo_core.state.commands import ChangeExtension
from exo_http.keys import PLUGIN, PREFIX, draw_key
from exo_http.testing.scripted_node import ScriptedNode

QUESTION: list[ChatCompletionMessageParam] = [{"role": "user", "content": "Go on."}]


async def nothing_runs(node: ScriptedNode) -> None:
    """Wait until no request is open."""
    async with asyncio.timeout(2):
        async for _ in node.changes():
            if not node.open_requests:
                return


async def something_runs(node: ScriptedNode, count: int = 1) -> None:
    """Wait until so many requests are open."""
    async with asyncio.timeout(2):
        async for _ in node.changes():
            if len(node.open_requests) >= count:
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
    with pytest.raises(asyncio.CancelledError):
        await asking
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


async def test_cancel_by_the_id_that_the_client_gave(client: httpx.AsyncClient, node: ScriptedNode) -> None:
    body = {"model": "endless", "messages": QUESTION, "stream": True}
    mine = {"X-Request-Id": "job-7"}
    asking = [asyncio.create_task(client.post("/v1/chat/completions", json=body, headers=mine)) for _ in range(2)]
    await something_runs(node, 2)
    cancelled = await client.post("/v1/cancel/job-7", headers={"X-Request-Id": "another"})
    assert (cancelled.status_code, cancelled.json()["id"]) == (200, "job-7")
    for response in await asyncio.gather(*asking):
        assert response.headers["x-request-id"] == "job-7"
        assert '"code":"cancelled"' in response.text.replace(" ", "")
    assert not node.open_requests
    assert (await client.post("/v1/cancel/job-7")).status_code == 404


async def test_nobody_cancels_a_request_made_with_another_key(client: httpx.AsyncClient, node: ScriptedNode) -> None:
    keys = [draw_key("", [scope], now=1) for scope in ("infer", "infer", "admin")]
    for key in keys:
        record = key.record.model_dump(mode="json")
        await node.submit(
            ChangeExtension(command_id=CommandId(key.key_id), plugin=PLUGIN, key=PREFIX + key.key_id, value=record)
        )
    theirs, other, admin = ({"x-api-key": key.secret} for key in keys)
    body = {"model": "endless", "messages": QUESTION, "stream": True}
    named = {**theirs, "X-Request-Id": "job-7"}
    for who in (admin, theirs):
        asking = asyncio.create_task(client.post("/v1/chat/completions", json=body, headers=named))
        await something_runs(node)
        assert (await client.post("/v1/cancel/job-7", headers=other)).status_code == 404
        assert len(node.open_requests) == 1
        assert (await client.post("/v1/cancel/job-7", headers=who)).status_code == 200
        await asking
        await nothing_runs(node)
