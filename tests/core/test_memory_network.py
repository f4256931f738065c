"""The memory network keeps the contract of transports, and its faults do what they say."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

import pytest

from exo_core.errors import ConnectError, LinkClosed
from exo_core.identifiers import NodeId
from exo_core.testing.memory_network import MemoryNetwork
from exo_core.testing.memory_routers import memory_identity
from exo_core.testing.transport_conformance import MakeTransport, TransportConformance
from exo_core.transports import Link, Ticket, TransportContext

A, B = NodeId("a"), NodeId("b")
AT_B = Ticket("memory://b:1")


class TestMemoryNetwork(TransportConformance):
    @pytest.fixture
    def make_transport(self) -> MakeTransport:
        return MemoryNetwork().transport


@asynccontextmanager
async def linked(network: MemoryNetwork) -> AsyncGenerator[tuple[Link, Link]]:
    """A link from a to b."""
    links: asyncio.Queue[Link] = asyncio.Queue()

    async def accept(link: Link) -> None:
        links.put_nowait(link)
        await asyncio.Event().wait()

    transport = network.transport(TransportContext(identity=memory_identity(B), listen="b:1"))
    async with transport.serve(accept):
        near = await network.transport(TransportContext(identity=memory_identity(A))).connect(AT_B)
        yield near, await links.get()


async def nothing_comes(link: Link) -> bool:
    try:
        await asyncio.wait_for(link.receive(), timeout=0.05)
    except TimeoutError:
        return True
    return False


async def test_a_partition_holds_messages_up_until_it_heals() -> None:
    network = MemoryNetwork()
    async with linked(network) as (near, far):
        network.partition(A, B)
        await near.send(b"there")
        await far.send(b"back")
        assert await nothing_comes(near)
        assert await nothing_comes(far)
        network.heal(A, B)
        assert await far.receive() == b"there"
        assert await near.receive() == b"back"


async def test_a_partition_may_be_one_way() -> None:
    network = MemoryNetwork()
    async with linked(network) as (near, far):
        network.partition(A, B, one_way=True)
        await near.send(b"there")
        await far.send(b"back")
        assert await near.receive() == b"back"
        assert await nothing_comes(far)
        network.heal()
        assert await far.receive() == b"there"


async def test_a_close_is_not_heard_through_a_partition() -> None:
    network = MemoryNetwork()
    async with linked(network) as (near, far):
        network.partition(A, B)
        await near.close()
        assert await nothing_comes(far)
        await far.send(b"still believes in it")
        network.heal()
        with pytest.raises(LinkClosed):
            await far.receive()


async def test_nobody_connects_through_a_partition() -> None:
    network = MemoryNetwork()
    transport = network.transport(TransportContext(identity=memory_identity(A)))
    async with linked(network):
        network.partition(A, B)
        with pytest.raises(ConnectError, match="did not answer"):
            await transport.connect(AT_B, timeout=0.05)
        waiting = asyncio.ensure_future(transport.connect(AT_B, timeout=5.0))
        await asyncio.sleep(0)
        network.heal()
        await (await waiting).close()


async def test_dropped_links_die_at_both_ends_and_others_can_be_made() -> None:
    network = MemoryNetwork()
    async with linked(network) as (near, far):
        await near.send(b"lost")
        network.drop(A, B)
        for end in (near, far):
            with pytest.raises(LinkClosed, match="died"):
                await end.receive()
        again = await network.transport(TransportContext(identity=memory_identity(A))).connect(AT_B)
        await again.close()


async def test_a_killed_node_is_gone() -> None:
    network = MemoryNetwork()
    async with linked(network) as (near, _):
        network.kill(B)
        with pytest.raises(LinkClosed):
            await near.receive()
        with pytest.raises(ConnectError, match="nobody listens"):
            await network.transport(TransportContext(identity=memory_identity(A))).connect(AT_B)


async def test_delay_and_speed_take_their_time_and_keep_the_order() -> None:
    network = MemoryNetwork(seed=3)
    async with linked(network) as (near, far):
        network.delay(A, B, 0.02, jitter=0.02)
        begun = time.monotonic()
        for number in range(20):
            await near.send(bytes([number]))
        assert [await far.receive() for _ in range(20)] == [bytes([number]) for number in range(20)]
        assert time.monotonic() - begun >= 0.02
        network.delay(A, B, 0.0)
        network.throttle(A, B, 1_000_000)
        begun = time.monotonic()
        await near.send(bytes(50_000))
        await far.receive()
        assert time.monotonic() - begun >= 0.05


async def test_one_address_has_one_listener() -> None:
    network = MemoryNetwork()
    async with linked(network):
        other = network.transport(TransportContext(identity=memory_identity("c"), listen="b:1"))
        with pytest.raises(ConnectError, match="in use"):
            async with other.serve(lambda _: asyncio.sleep(0)):
                pass
        several = network.transport(TransportContext(identity=memory_identity("c"), listen="b:1-2"))
        async with several.serve(lambda _: asyncio.sleep(0)) as listening:
            assert listening.tickets == ("memory://b:2",)
