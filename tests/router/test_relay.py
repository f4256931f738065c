"""Two members without a link of their own reach each other over a third, and over a direct link once there is one."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager

import pytest
from pydantic import TypeAdapter

from exo_core.errors import LinkClosed
from exo_core.identifiers import NodeId
from exo_core.messaging import Call, Messenger, PeerChange, Stream, Topic
from exo_core.router.credit import ONWARD, RELAY_WINDOW
from exo_core.router.router import Router
from exo_core.testing.memory_network import MemoryNetwork
from exo_core.testing.memory_routers import eventually, memory_router, until_reachable
from exo_core.testing.messenger_conformance import MessengerConformance
from exo_core.transports import Ticket

A, B, C, D = NodeId("a"), NodeId("b"), NodeId("c"), NodeId("d")
TO_A, TO_B = Ticket("memory://a:1"), Ticket("memory://b:1")
DOUBLE = Call("double", TypeAdapter(int), TypeAdapter(int))
NUMBERS = Topic("numbers", TypeAdapter(int))


async def double(_: NodeId, number: int) -> int:
    return 2 * number


async def echo(stream: Stream, opening: bytes) -> None:
    while True:
        await stream.send(await stream.receive())


@asynccontextmanager
async def apart(network: MemoryNetwork) -> AsyncGenerator[tuple[Router, Router, Router]]:
    """a and b hear nothing of each other, both reach c, and each was told of the other."""
    network.partition(A, B)
    async with (
        memory_router(network, "c") as c,
        memory_router(network, "a", peers=[c]) as a,
        memory_router(network, "b", peers=[c]) as b,
    ):
        await until_reachable(a, "c")
        await until_reachable(b, "c")
        a.learn(B, [TO_B])
        b.learn(A, [TO_A])
        await until_reachable(a, "b", "c")
        await until_reachable(b, "a", "c")
        yield a, b, c


def transport_to(router: Router, peer: NodeId) -> str:
    return next((link.transport for link in router.links if link.peer == peer), "none")


class TestRelayedRouter(MessengerConformance):
    """Everything that holds of a direct link holds of a relayed one."""

    @pytest.fixture
    async def messengers(self) -> AsyncIterator[tuple[Messenger, Messenger]]:
        async with apart(MemoryNetwork()) as (a, b, _):
            assert transport_to(a, B) == transport_to(b, A) == "relay"
            yield a, b


async def test_the_sender_is_who_the_relay_knows_it_to_be() -> None:
    senders: list[NodeId] = []
    async with apart(MemoryNetwork()) as (a, b, c):
        b.on_message(NUMBERS, lambda sender, _: senders.append(sender))
        assert a.send(B, NUMBERS, 1)
        assert c.send(B, NUMBERS, 2)
        await eventually(lambda: sorted(senders) == [A, C])
        hello = b.peer_hello(A)
        assert hello is not None
        assert hello.node_id == A
        (link,) = [link for link in b.links if link.peer == A]
        assert link.address == "over c's machine"


async def test_nobody_is_reached_over_two_relays() -> None:
    """a, c, d, b in a row: one hop is all that is relayed."""
    network = MemoryNetwork()
    for left, right in ((A, B), (A, D), (C, B)):
        network.partition(left, right)
    async with (
        memory_router(network, "c") as c,
        memory_router(network, "a", peers=[c]) as a,
        memory_router(network, "d", peers=[c]) as d,
        memory_router(network, "b", peers=[d]) as b,
    ):
        a.learn(D, [Ticket("memory://d:1")])
        b.learn(C, [Ticket("memory://c:1")])
        await until_reachable(a, "c", "d")
        await until_reachable(b, "c", "d")
        stream = await c.open_stream(D, ONWARD, A.encode())  # d reaches a only over c itself
        with pytest.raises(LinkClosed):
            await stream.receive()
        a.learn(B, [TO_B])
        await eventually(lambda: TO_B in a.problems)
        assert B not in a.reachable


async def test_a_direct_link_takes_over_when_it_can_be_made_and_nothing_is_lost() -> None:
    network = MemoryNetwork()
    heard: list[int] = []
    async with apart(network) as (a, b, _):
        b.on_message(NUMBERS, lambda _, number: heard.append(number))
        b.on_stream("echo", echo)
        b.on_call(DOUBLE, double)
        stream = await a.open_stream(B, "echo", b"")
        changes = a.peer_changes()
        assert [(await anext(changes)).node_id for _ in range(2)] == [B, C]
        network.heal()
        sent = 0
        async with asyncio.timeout(10):
            while transport_to(a, B) == "relay" or transport_to(b, A) == "relay" or sent < 100:
                assert a.send(B, NUMBERS, sent)
                sent += 1
                assert await a.ask(B, DOUBLE, sent, timeout=5) == 2 * sent
                await stream.send(b"still open")
                assert await stream.receive() == b"still open"
        await eventually(lambda: heard == list(range(sent)))
        await eventually(lambda: network.open_links() == 3)
        await stream.close()
        unheard = asyncio.ensure_future(anext(changes))
        await asyncio.sleep(0)
        assert not unheard.done(), "it was reachable all the time"
        unheard.cancel()


async def test_the_carrying_streams_end_once_nothing_runs_over_them() -> None:
    network = MemoryNetwork()
    async with apart(network) as (a, b, c):
        b.on_stream("echo", echo)
        stream = await a.open_stream(B, "echo", b"")
        assert carried_by(c) == 1
        network.heal()
        await eventually(lambda: transport_to(a, B) == transport_to(b, A) == "memory")
        assert carried_by(c) == 1, "the stream still runs over it"
        await stream.close()
        await eventually(lambda: carried_by(c) == 0)


async def test_when_the_relay_goes_the_two_are_told_and_find_another() -> None:
    network = MemoryNetwork()
    async with apart(network) as (a, b, _), memory_router(network, "d", peers=[a, b]) as d:
        await until_reachable(a, "b", "c", "d")
        await until_reachable(d, "a", "b")
        b.on_stream("echo", echo)
        b.on_call(DOUBLE, double)
        stream = await a.open_stream(B, "echo", b"")
        changes = a.peer_changes()
        assert await anext(changes) == PeerChange(node_id=B, reachable=True)
        network.partition(A, C)
        network.drop(A, C)
        with pytest.raises(LinkClosed):
            await stream.receive()
        async with asyncio.timeout(5):
            while await anext(changes) != PeerChange(node_id=B, reachable=False):
                pass
            while await anext(changes) != PeerChange(node_id=B, reachable=True):
                pass
        assert await a.ask(B, DOUBLE, 4, timeout=5) == 8
        assert [link.address for link in a.links if link.peer == B] == ["over d's machine"]


async def test_a_relay_takes_no_more_than_two_small_windows_for_a_reader_that_stops() -> None:
    network = MemoryNetwork()
    async with apart(network) as (a, _, _):
        network.partition(C, B, one_way=True)  # nothing of what c passes on arrives, and no credit comes back
        stream = await a.open_stream(C, ONWARD, B.encode())
        sent = 0
        while await sends(stream, bytes(60_000)):
            sent += 60_000
        assert 0 < sent <= 2 * RELAY_WINDOW + 60_000


async def sends(stream: Stream, message: bytes) -> bool:
    """Whether there is credit for it."""
    try:
        await asyncio.wait_for(stream.send(message), timeout=0.05)
    except TimeoutError:
        return False
    return True


async def test_what_is_urgent_overtakes_what_is_not_on_its_way_over_a_relay() -> None:
    network = MemoryNetwork()
    heard: list[int] = []
    async with apart(network) as (a, b, _):
        b.on_message(NUMBERS, lambda _, number: heard.append(number))
        b.on_stream("swallow", swallow)
        network.throttle(C, B, 2_000_000)
        bulk = await a.open_stream(B, "swallow", b"", priority="bulk")
        sending = asyncio.ensure_future(bulk.send(bytes(4_000_000)))
        await asyncio.sleep(0)
        assert a.send(B, NUMBERS, 1)
        await eventually(lambda: heard == [1])
        assert not sending.done()
        sending.cancel()
        with pytest.raises(asyncio.CancelledError):
            await sending


async def swallow(stream: Stream, opening: bytes) -> None:
    while True:
        await stream.receive()


def carried_by(router: Router) -> int:
    """Links of others that it carries."""
    return router.carried
