"""What shares a link does not get in each other's way."""

from __future__ import annotations

import asyncio
import time

import pytest
from pydantic import TypeAdapter

from exo_core.errors import LinkClosed
from exo_core.identifiers import NodeId
from exo_core.messaging import Stream, Topic
from exo_core.router.credit import WINDOW
from exo_core.router.outbox import Outbox
from exo_core.testing.memory_network import MemoryNetwork
from exo_core.testing.memory_routers import PATIENCE, eventually, memory_router, until_reachable
from exo_core.wire.frames import DATA, MESSAGE, Frame

A, B = NodeId("a"), NodeId("b")
BEAT = Topic("beat", TypeAdapter(float))
BULKY = Topic("bulky", TypeAdapter(bytes), priority="bulk")


async def _swallow(stream: Stream, opening: bytes) -> None:
    while True:
        await stream.receive()


async def test_a_message_of_64_mib_does_not_hold_up_a_heartbeat() -> None:
    """At 50 MB/s it takes 1.3 s; what is more urgent waits for what the link itself has buffered and one frame."""
    network = MemoryNetwork()
    latencies: list[float] = []
    token_latencies: list[float] = []

    async def echo(stream: Stream, opening: bytes) -> None:
        while True:
            await stream.send(await stream.receive())

    async with memory_router(network, "a") as a, memory_router(network, "b", peers=[a]) as b:
        b.on_message(BEAT, lambda _, sent: latencies.append(time.monotonic() - sent))
        b.on_stream("swallow", _swallow)
        b.on_stream("echo", echo)
        await until_reachable(a, "b")
        network.throttle(A, B, 50_000_000)
        bulk = await a.open_stream(B, "swallow", b"", priority="bulk")
        tokens = await a.open_stream(B, "echo", b"", priority="tokens")
        sending = asyncio.ensure_future(bulk.send(bytes(64 * 1024 * 1024)))
        while not sending.done():
            assert a.send(B, BEAT, time.monotonic())
            begun = time.monotonic()
            await tokens.send(b"token")
            await tokens.receive()
            token_latencies.append(time.monotonic() - begun)
            await asyncio.sleep(0.01)
        await sending
        await bulk.close()
        await tokens.close()
    assert len(latencies) > 10
    assert max(latencies) < 0.3
    assert max(token_latencies) < 0.5


async def test_bulk_streams_share_a_link_fairly() -> None:
    network = MemoryNetwork()
    ends: list[tuple[bytes, int]] = []

    async def count(stream: Stream, opening: bytes) -> None:
        received = 0
        try:
            while True:
                received += len(await stream.receive())
        except LinkClosed:
            ends.append((opening, received))

    async with memory_router(network, "a") as a, memory_router(network, "b", peers=[a]) as b:
        b.on_stream("count", count)
        await until_reachable(a, "b")
        network.throttle(A, B, 50_000_000)
        large = await a.open_stream(B, "count", b"large", priority="bulk")
        small = await a.open_stream(B, "count", b"small", priority="bulk")

        async def send(stream: Stream, size: int) -> None:
            await stream.send(bytes(size))
            await stream.close()

        async with asyncio.timeout(10):
            await asyncio.gather(send(large, 20_000_000), send(small, 500_000))
            await eventually(lambda: len(ends) == 2)
    assert ends == [(b"small", 500_000), (b"large", 20_000_000)]


async def test_a_queue_that_is_full_refuses_and_counts() -> None:
    network = MemoryNetwork()
    received: list[int] = []
    async with memory_router(network, "a") as a, memory_router(network, "b", peers=[a]) as b:
        b.on_message(BULKY, lambda _, message: received.append(len(message)))
        await until_reachable(a, "b")
        taken = [a.send(B, BULKY, bytes(1_000_000)) for _ in range(30)]
        assert 1 < sum(taken) < 30
        assert taken == sorted(taken, reverse=True)
        assert a.links[0].dropped == 30 - sum(taken)
        assert a.send(B, BEAT, 0.0), "another priority has room of its own"
        await eventually(lambda: len(received) == sum(taken))
        assert a.send(B, BULKY, b"room again")


async def test_a_message_above_its_limit_is_the_senders_error() -> None:
    network = MemoryNetwork()
    async with memory_router(network, "a") as a, memory_router(network, "b", peers=[a]):
        await until_reachable(a, "b")
        with pytest.raises(ValueError, match="use a stream"):
            a.send(B, BULKY, bytes(1_100_000))
        with pytest.raises(ValueError, match="use a stream"):
            await a.open_stream(B, "x", bytes(1_100_000))
        assert a.reachable == {B}


async def test_a_send_that_is_given_up_half_way_ends_its_stream() -> None:
    network = MemoryNetwork()
    ended = asyncio.Event()

    async def wait(stream: Stream, opening: bytes) -> None:
        await asyncio.sleep(0)
        try:
            await reading.wait()
            await stream.receive()
        except LinkClosed:
            ended.set()

    reading = asyncio.Event()
    async with memory_router(network, "a") as a, memory_router(network, "b", peers=[a]) as b:
        b.on_stream("wait", wait)
        await until_reachable(a, "b")
        stream = await a.open_stream(B, "wait", b"")
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(stream.send(bytes(4 * WINDOW)), 0.05)
        with pytest.raises(LinkClosed):
            await stream.send(b"more")
        reading.set()
        await asyncio.wait_for(ended.wait(), 5)


async def test_what_was_queued_goes_before_the_goodbye() -> None:
    network = MemoryNetwork()
    received: list[bytes] = []

    async def collect(stream: Stream, opening: bytes) -> None:
        while True:
            received.append(await stream.receive())

    async with memory_router(network, "b") as b:
        b.on_stream("collect", collect)
        async with memory_router(network, "a", peers=[b]) as a:
            await until_reachable(a, "b")
            stream = await a.open_stream(B, "collect", b"", priority="bulk")
            for number in range(10):
                await stream.send(bytes([number]) * 50_000)
        await until_reachable(b)
        await eventually(lambda: len(received) == 10)
    assert [message[0] for message in received] == list(range(10))


async def test_a_goodbye_does_not_wait_for_a_peer_that_does_not_read() -> None:
    network = MemoryNetwork()
    async with memory_router(network, "b") as b:
        async with memory_router(network, "a", peers=[b]) as a:
            await until_reachable(a, "b")
            network.partition(A, B)
            while a.send(B, BULKY, bytes(1_000_000)):
                pass
            begun = time.monotonic()
        assert time.monotonic() - begun < PATIENCE.goodbye_timeout + 1
        network.heal()


async def test_the_outbox_goes_by_priority_and_then_by_age() -> None:
    outbox = Outbox(limit=100)
    outbox.push("last", Frame(DATA, 9))
    outbox.push("bulk", Frame(DATA, 1))
    outbox.push("tokens", Frame(DATA, 2))
    outbox.push("bulk", Frame(DATA, 3))
    assert outbox.offer("control", [Frame(MESSAGE, 4), Frame(MESSAGE, 5)])
    order: list[int] = []
    while (frame := outbox.pop()) is not None:
        order.append(frame.id)
    assert order == [4, 5, 2, 1, 3, 9]
