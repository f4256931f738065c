"""A peer with several addresses is reached over the best, again once that is back, and nothing is lost on the way."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

import pytest
from pydantic import TypeAdapter

from exo_core.errors import LinkClosed
from exo_core.identifiers import NodeId
from exo_core.messaging import Stream, Topic
from exo_core.router.router import Router
from exo_core.testing.memory_network import MemoryNetwork
from exo_core.testing.memory_routers import eventually, memory_identity, memory_router, until_reachable
from exo_core.transports import Ticket, TransportContext

A, B = NodeId("a"), NodeId("b")
CABLE, RADIO = Ticket("memory://b-cable:1"), Ticket("memory://b:1")
BOTH = {"tickets": (CABLE, RADIO)}
MUTE = {"tickets": ()}
"""What its peer cannot dial: so it is always the other that dials."""
NUMBERS = Topic("numbers", TypeAdapter(int))


@asynccontextmanager
async def cable(network: MemoryNetwork, router: Router) -> AsyncGenerator[None]:
    """While this is open, that router listens at its better address too."""
    transport = network.transport(TransportContext(identity=memory_identity("b"), listen="b-cable:1"))
    async with transport.serve(router.accept):
        yield


async def echo(stream: Stream, opening: bytes) -> None:
    while True:
        await stream.send(await stream.receive())


def ways(router: Router) -> list[str]:
    return [link.address for link in router.links]


async def test_a_link_moves_to_a_better_address_while_it_is_used() -> None:
    network, heard = MemoryNetwork(), list[int]()
    async with memory_router(network, "b", changes=BOTH) as b, memory_router(network, "a", changes=MUTE) as a:
        b.on_message(NUMBERS, lambda _, number: heard.append(number))
        b.on_stream("echo", echo)
        a.learn(B, [CABLE, RADIO])
        await until_reachable(a, "b")
        assert ways(a) == [RADIO]
        stream = await a.open_stream(B, "echo", b"")
        sent = 0
        async with cable(network, b), asyncio.timeout(10):
            while ways(a) != [CABLE]:
                assert a.send(B, NUMBERS, sent)
                sent += 1
                await stream.send(b"x")
                assert await stream.receive() == b"x"
            assert a.send(B, NUMBERS, sent)
            await eventually(lambda: heard == list(range(sent + 1)))
            assert network.open_links() == 2, "the stream keeps the old one"
            await stream.send(b"still open")
            assert await stream.receive() == b"still open"
            await stream.close()
            await eventually(lambda: network.open_links() == 1)


async def test_a_link_whose_address_dies_is_made_again_over_the_next_and_moves_back() -> None:
    network = MemoryNetwork()
    async with memory_router(network, "b", changes=BOTH) as b, memory_router(network, "a", changes=MUTE) as a:
        async with cable(network, b):
            a.learn(B, [CABLE, RADIO])
            await until_reachable(a, "b")
            assert ways(a) == [CABLE]
        await eventually(lambda: ways(a) == [RADIO])
        async with cable(network, b):
            await eventually(lambda: ways(a) == [CABLE])
            await eventually(lambda: len(b.links) == 1 and network.open_links() == 1)


async def test_a_cable_that_is_plugged_in_later_is_used_once_the_peer_tells_of_it() -> None:
    network = MemoryNetwork()
    async with memory_router(network, "b") as b, memory_router(network, "a", changes=MUTE) as a, cable(network, b):
        a.learn(B, [RADIO])
        await until_reachable(a, "b")
        a.learn(B, [CABLE, RADIO])
        await eventually(lambda: ways(a) == [CABLE])


async def test_a_peer_that_dies_while_a_link_moves_is_lost_once() -> None:
    network = MemoryNetwork()
    async with memory_router(network, "a", changes=MUTE) as a, memory_router(network, "b") as b, cable(network, b):
        b.on_stream("echo", echo)
        a.learn(B, [RADIO])
        await until_reachable(a, "b")
        stream = await a.open_stream(B, "echo", b"")
        a.learn(B, [CABLE, RADIO])
        await eventually(lambda: ways(a) == [CABLE])
        network.kill(B)
        try:
            async with asyncio.timeout(5):
                await stream.receive()
        except LinkClosed:
            pass
        else:
            raise AssertionError
        await until_reachable(a)


async def test_a_member_that_is_forgotten_loses_what_is_open_on_a_link_that_moved_too() -> None:
    network = MemoryNetwork()
    async with memory_router(network, "b") as b, memory_router(network, "a", changes=MUTE) as a, cable(network, b):
        b.on_stream("echo", echo)
        a.learn(B, [RADIO])
        await until_reachable(a, "b")
        stream = await a.open_stream(B, "echo", b"")
        a.learn(B, [CABLE, RADIO])
        await eventually(lambda: ways(a) == [CABLE])
        await a.disconnect(B, "you were forgotten")
        with pytest.raises(LinkClosed):
            await asyncio.wait_for(stream.receive(), 5)


async def test_a_peer_that_moved_to_another_address_is_found_by_a_suggestion() -> None:
    """Some of the suggested addresses are its former ones: the others are tried all the same."""
    network = MemoryNetwork()
    old, new = Ticket("memory://b:1"), Ticket("memory://b-elsewhere:1")
    async with memory_router(network, "a") as a:
        async with memory_router(network, "b"):
            a.learn(B, [old])
            await until_reachable(a, "b")
            a.suggest(old, new)  # it is reached: nothing to do
            assert not a.is_dialling(new)
        await until_reachable(a)
        async with memory_router(network, "b", listen="b-elsewhere:1"):
            a.suggest(old, new)
            await until_reachable(a, "b")
