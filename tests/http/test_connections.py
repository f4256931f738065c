"""More connections than are taken, and clients that do not read what they asked for."""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import json
import socket

import httpx
import pytest

from exo_core.state.events import ClusterCreated
from exo_http.limits import SPARE_DESCRIPTORS, Limits, limits_for
from exo_http.testing.scripted_node import ScriptedNode

ASK = b"GET /echo HTTP/1.1\r\nHost: localhost\r\n\r\n"
ASK_MUCH = b"GET /much HTTP/1.1\r\nHost: localhost\r\n\r\n"
MUCH = 40_000_000
Connection = tuple[asyncio.StreamReader, asyncio.StreamWriter]


@pytest.fixture
def limits(limits: Limits) -> Limits:
    """Three connections, and little patience with who does not read."""
    return dataclasses.replace(limits, connections=3, header_seconds=5, unread_answer_seconds=0.4)


async def connect(url: str) -> Connection:
    host, _, port = url.removeprefix("http://").rpartition(":")
    return await asyncio.open_connection(host, int(port), limit=1024)


async def is_open(connection: Connection) -> bool:
    """Whether the server has not closed it."""
    try:
        async with asyncio.timeout(0.1):
            return await connection[0].read(1) != b""
    except TimeoutError:
        return True
    except ConnectionResetError:
        return False


async def answer_on(connection: Connection) -> bytes:
    """The head of what the server says to a request."""
    connection[1].write(ASK)
    async with asyncio.timeout(5):
        return await connection[0].readuntil(b"\r\n\r\n")


async def test_one_connection_too_many_ends_the_one_that_is_idle_longest(url: str) -> None:
    first, second, third = [await connect(url) for _ in range(3)]
    assert b"200 OK" in await answer_on(first), "it is idle since now; the second one since it came"
    fourth = await connect(url)
    assert b"200 OK" in await answer_on(fourth)
    assert not await is_open(second)
    assert await is_open(third)
    for _, writer in (first, second, third, fourth):
        writer.close()


async def test_where_all_are_at_work_the_new_one_is_told_so(url: str, node: ScriptedNode) -> None:
    async with httpx.AsyncClient(base_url=url, trust_env=False) as client:
        held = [await client.send(client.build_request("GET", "/held"), stream=True) for _ in range(3)]
        assert {response.status_code for response in held} == {200}
        reader, writer = await connect(url)
        head, _, body = (await reader.read()).partition(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 503 ")
        assert json.loads(body)["error"]["code"] == "too_many_connections"
        writer.close()
        node.record(ClusterCreated())
        for response in held:
            assert b": begun" in await response.aread(), "those that are at work are not touched"
        assert (await client.get("/echo")).status_code == 200


async def test_who_reads_nothing_is_cut_off(url: str) -> None:
    loop = asyncio.get_running_loop()
    host, _, port = url.removeprefix("http://").rpartition(":")
    with socket.socket() as client:
        client.setblocking(False)
        await loop.sock_connect(client, (host, int(port)))
        await loop.sock_sendall(client, ASK_MUCH)
        await asyncio.sleep(1.2)
        received = 0
        with contextlib.suppress(ConnectionResetError):
            async with asyncio.timeout(5):
                while part := await loop.sock_recv(client, 2**20):
                    received += len(part)
    assert received < MUCH, "what was on its way, and no more"


async def test_who_reads_slowly_is_not(url: str) -> None:
    reader, writer = await connect(url)
    writer.write(ASK_MUCH)
    received = 0
    for _ in range(8):
        received += len(await reader.readexactly(1_000_000))
        await asyncio.sleep(0.2)
    async with asyncio.timeout(5):
        while received < MUCH:
            received += len(await reader.read(2**20))
    writer.close()
    assert received >= MUCH, "the whole answer, however long it takes"


def test_the_limits_follow_what_the_node_takes_and_what_the_machine_has() -> None:
    assert limits_for(2048, 65536) == Limits()
    assert limits_for(100_000, 1024).connections == 1024 - SPARE_DESCRIPTORS
    assert limits_for(1, 10) == Limits(connections=2, concurrent_requests=1)
