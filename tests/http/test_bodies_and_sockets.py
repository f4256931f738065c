"""Bodies that are too large, sockets that are too slow, and more requests than may run."""

from __future__ import annotations

import asyncio
import dataclasses
import json
import time
from collections.abc import AsyncGenerator

import httpx
import pytest

from exo_core.state.events import ClusterCreated
from exo_http.limits import Limits
from exo_http.testing.scripted_node import ScriptedNode

JSON = {"Content-Type": "application/json"}


async def raw(url: str, *parts: bytes) -> bytes:
    """What the server says to these bytes until it closes."""
    host, _, port = url.removeprefix("http://").rpartition(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    try:
        for part in parts:
            writer.write(part)
            await writer.drain()
        async with asyncio.timeout(5):
            return await reader.read()
    finally:
        writer.close()


def status_of(answer: bytes) -> int:
    """The status of a raw answer."""
    return int(answer.split(b" ", 2)[1])


async def test_a_body_that_declares_too_much_is_refused_unread(url: str) -> None:
    head = b"POST /echo HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 100001\r\n\r\n"
    answer = await raw(url, head)
    assert status_of(answer) == 413
    assert b"body_too_large" in answer


async def test_a_body_that_grows_too_large_is_refused_while_it_comes(client: httpx.AsyncClient) -> None:
    async def endless() -> AsyncGenerator[bytes]:
        for _ in range(50):
            yield b"[" * 10_000

    response = await client.post("/echo", content=endless(), headers=JSON)
    assert response.status_code == 413
    assert (await client.post("/echo", content=b"[" * 100_000, headers=JSON)).status_code == 200


@pytest.mark.parametrize("length", ["-1", "1e3", "9" * 30, "12 34"])
async def test_a_length_that_is_none_is_refused(url: str, length: str) -> None:
    head = f"POST /echo HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nContent-Length: {length}\r\n\r\n"
    assert status_of(await raw(url, head.encode())) in {400, 403, 413}


async def test_a_body_that_stops_coming_is_answered_and_cut(url: str) -> None:
    head = b"POST /echo HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 10\r\n\r\n"
    answer = await raw(url, head, b"[1,")
    assert status_of(answer) == 408
    assert b"body_too_slow" in answer


async def test_headers_that_stop_coming_are_cut(url: str) -> None:
    assert await raw(url, b"GET /echo HTTP/1.1\r\nHost: loc") == b""
    assert await raw(url) == b""


async def test_headers_of_a_second_request_that_stop_coming_are_cut(url: str) -> None:
    first = b"GET /echo HTTP/1.1\r\nHost: localhost\r\n\r\n"
    answer = await raw(url, first, b"GET /echo HTTP/1.1\r\nHo")
    assert answer.count(b"HTTP/1.1 200") == 1


async def test_a_head_that_never_ends_is_refused(url: str) -> None:
    answer = await raw(url, b"GET /echo HTTP/1.1\r\nHost: localhost\r\nX-Large: " + b"a" * 40_000)
    assert status_of(answer) == 431
    assert json.loads(answer.partition(b"\r\n\r\n")[2])["error"]["code"] == "headers_too_large"


@pytest.mark.parametrize("nonsense", [b"\x16\x03\x01\x02\x00\x01\r\n\r\n", b"GET\r\n\r\n", b"GET / HTTP/1.1\r\n\r\n"])
async def test_what_is_no_http_is_told_so(url: str, nonsense: bytes) -> None:
    answer = await raw(url, nonsense)
    assert status_of(answer) == 400
    assert json.loads(answer.partition(b"\r\n\r\n")[2])["error"]["code"] == "invalid_http"


@pytest.fixture
def limits(limits: Limits) -> Limits:
    """As elsewhere, with room for two requests."""
    return dataclasses.replace(limits, concurrent_requests=2)


async def test_more_requests_than_may_run_are_told_when_to_ask_again(
    client: httpx.AsyncClient, node: ScriptedNode
) -> None:
    async with client.stream("GET", "/held") as first, client.stream("GET", "/held") as second:
        assert (first.status_code, second.status_code) == (200, 200)
        refused = await client.get("/echo")
        assert refused.status_code == 429
        assert refused.headers["retry-after"] == "1"
        assert (await client.get("/health")).status_code == 200
        node.record(ClusterCreated())
        await asyncio.gather(first.aread(), second.aread())
    assert (await client.get("/echo")).status_code == 200


async def test_who_goes_on_sending_after_a_refusal_hears_it_all_the_same(url: str) -> None:
    head = b"GET /echo HTTP/1.1\r\nHost: localhost\r\nX-Large: " + b"a" * 40_000
    answer = await raw(url, head, *(b"a" * 10_000 for _ in range(100)))
    assert status_of(answer) == 431


async def test_but_not_for_ever(url: str) -> None:
    host, _, port = url.removeprefix("http://").rpartition(":")
    _, writer = await asyncio.open_connection(host, int(port))
    writer.write(b"nonsense\r\n\r\n")
    begun = time.monotonic()
    with pytest.raises(ConnectionError):
        await send_for(5, writer)
    assert time.monotonic() - begun < 4


async def send_for(seconds: float, writer: asyncio.StreamWriter) -> None:
    """A little all the time."""
    for _ in range(int(seconds / 0.02)):
        writer.write(b"a" * 1000)
        await writer.drain()
        await asyncio.sleep(0.02)
