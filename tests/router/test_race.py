"""A better address has a head start, and one that swallows everything costs no more than that."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import aclosing
from dataclasses import replace

import pytest

from exo_core.errors import ConnectError, LinkClosed
from exo_core.identifiers import NodeId
from exo_core.router.race import Race
from exo_core.testing.memory_network import MemoryNetwork
from exo_core.testing.memory_routers import PATIENCE, eventually, memory_identity, memory_router, until_reachable
from exo_core.transports import Link, Ticket, TransportContext

A, B, X = NodeId("a"), NodeId("b"), NodeId("x")
FAST, SLOW, WORST = (Ticket(f"memory://{name}:1") for name in ("fast", "slow", "worst"))
FOR_EVER = 60.0


class Addresses:
    """Scripted addresses: each swallows who comes until it is told to answer or to refuse."""

    def __init__(self, link: Link) -> None:
        self.link = link
        self.tried: list[Ticket] = []
        self.given_up: list[Ticket] = []
        self.failed: list[Ticket] = []
        self._answers = {ticket: asyncio.get_running_loop().create_future() for ticket in (FAST, SLOW, WORST)}

    async def connect(self, ticket: Ticket) -> Link:
        self.tried.append(ticket)
        try:
            await self._answers[ticket]
        except asyncio.CancelledError:
            self.given_up.append(ticket)
            raise
        return self.link

    def answer(self, ticket: Ticket) -> None:
        self._answers[ticket].set_result(None)

    def refuse(self, ticket: Ticket) -> None:
        self._answers[ticket].set_exception(ConnectError(f"nobody at {ticket}"))

    def race(self, head_start: float) -> Race[Link]:
        return Race(
            (FAST, SLOW, WORST),
            self.connect,
            lambda ticket, _: self.failed.append(ticket),
            close=lambda link: link.close(),
            sleep=asyncio.sleep,
            head_start=lambda _: head_start,
        )


@pytest.fixture
async def addresses() -> AsyncIterator[Addresses]:
    network = MemoryNetwork()
    listener = network.transport(TransportContext(identity=memory_identity("b"), listen="b:1"))

    async def keep(link: Link) -> None:
        await link.receive()

    async with listener.serve(keep):
        dialler = network.transport(TransportContext(identity=memory_identity("a")))
        yield Addresses(await dialler.connect(Ticket("memory://b:1")))


async def test_the_best_address_that_answers_in_time_is_the_only_one_tried(addresses: Addresses) -> None:
    addresses.answer(FAST)
    async with aclosing(addresses.race(FOR_EVER).links()) as links:
        assert await anext(links) == (FAST, addresses.link)
    assert addresses.tried == [FAST]


async def test_an_address_that_swallows_everything_costs_its_head_start(addresses: Addresses) -> None:
    addresses.answer(SLOW)
    async with aclosing(addresses.race(0.01).links()) as links:
        assert await anext(links) == (SLOW, addresses.link)
    assert addresses.tried == [FAST, SLOW]
    assert addresses.given_up == [FAST]


async def test_an_address_that_refuses_costs_nothing(addresses: Addresses) -> None:
    addresses.refuse(FAST)
    addresses.answer(SLOW)
    async with asyncio.timeout(5), aclosing(addresses.race(FOR_EVER).links()) as links:
        assert await anext(links) == (SLOW, addresses.link)
    assert addresses.failed == [FAST]


async def test_a_slow_better_address_still_comes_in(addresses: Addresses) -> None:
    """Whoever takes the first link and finds nobody behind it gets the next."""
    addresses.answer(SLOW)
    async with aclosing(addresses.race(0.01).links()) as links:
        assert (await anext(links))[0] == SLOW
        addresses.answer(FAST)
        assert (await anext(links))[0] == FAST


async def test_when_all_refuse_there_is_no_link(addresses: Addresses) -> None:
    for ticket in (FAST, SLOW, WORST):
        addresses.refuse(ticket)
    async with asyncio.timeout(5):
        assert [item async for item in addresses.race(FOR_EVER).links()] == []
    assert addresses.failed == [FAST, SLOW, WORST]


async def test_a_link_that_comes_up_too_late_is_closed(addresses: Addresses) -> None:
    async with aclosing(addresses.race(0.0).links()) as links:
        waiting = asyncio.ensure_future(anext(links))
        await eventually(lambda: len(addresses.tried) == 3)
        addresses.answer(FAST)
        await asyncio.sleep(0)
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting
    with pytest.raises(LinkClosed):
        await addresses.link.send(b"anybody there?")


async def test_a_peer_with_a_dead_address_is_reached_over_the_next() -> None:
    """`x` swallows whoever connects to it: with one attempt after the other this would take a minute."""
    network = MemoryNetwork()
    patient = replace(PATIENCE, connect_timeout=FOR_EVER)
    swallower = network.transport(TransportContext(identity=memory_identity("x"), listen="x:1"))

    async def keep(link: Link) -> None:
        await link.receive()

    network.partition(A, X)
    async with (
        swallower.serve(keep),
        memory_router(network, "b") as b,
        memory_router(network, "a", settings=patient) as a,
    ):
        a.learn(B, [Ticket("memory://x:1"), Ticket("memory://b:1")])
        await until_reachable(a, "b")
        await until_reachable(b, "a")
        for _ in range(3):
            network.drop(A, B)
            await until_reachable(a, "b")
            await until_reachable(b, "a")


async def test_suggested_addresses_of_one_listener_are_tried_in_their_order() -> None:
    network = MemoryNetwork()
    async with memory_router(network, "a") as a, memory_router(network, "b"):
        a.suggest(Ticket("memory://nobody:1"), Ticket("memory://b:1"))
        await until_reachable(a, "b")
        assert a.links[0].address == "memory://b:1"
