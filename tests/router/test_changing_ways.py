"""Whatever becomes of the ways between two members, what one says to the other comes once, in order, or not at all."""

from __future__ import annotations

import asyncio
import random

import pytest
from pydantic import TypeAdapter

from exo_core.errors import LinkClosed
from exo_core.identifiers import NodeId
from exo_core.messaging import Stream, Topic
from exo_core.router.router import Router
from exo_core.testing.memory_network import MemoryNetwork
from exo_core.testing.memory_routers import eventually, memory_router, until_reachable
from exo_core.transports import Ticket

A, B, C = NodeId("a"), NodeId("b"), NodeId("c")
NUMBERS = Topic("numbers", TypeAdapter(int))


async def count_over(router: Router, ended: list[int]) -> None:
    """Number messages on a stream to b and read them back; after its end a new stream begins."""
    while True:
        try:
            stream = await router.open_stream(B, "echo", b"")
            for number in range(1_000_000):
                await stream.send(number.to_bytes(4, "big"))
                assert int.from_bytes(await stream.receive(), "big") == number
        except LinkClosed:
            ended.append(1)
            await asyncio.sleep(0.01)


async def echo(stream: Stream, opening: bytes) -> None:
    while True:
        await stream.send(await stream.receive())


def ways(router: Router) -> list[str]:
    """The transports of its live links."""
    return [link.transport for link in router.links]


def disturb(network: MemoryNetwork, chance: random.Random) -> None:
    """Something happens between two of the three."""
    first, second = chance.sample((A, B, C), 2)
    action = chance.choice(("partition", "heal", "heal", "drop", "delay"))
    if action == "partition":
        network.heal()  # one at a time, so that a way is left
        network.partition(first, second)
    elif action == "heal":
        network.heal()
    elif action == "drop":
        network.drop(first, second)
    else:
        network.delay(first, second, chance.choice((0.0, 0.001, 0.01)), jitter=chance.choice((0.0, 0.01)))


@pytest.mark.parametrize("seed", range(6))
async def test_order_is_kept_and_the_best_way_is_found_in_the_end(seed: int) -> None:
    network, chance = MemoryNetwork(seed), random.Random(seed)
    heard, ended = list[int](), list[int]()
    async with (
        memory_router(network, "c", seed=seed) as c,
        memory_router(network, "a", peers=[c], seed=seed + 1) as a,
        memory_router(network, "b", peers=[c], seed=seed + 2) as b,
    ):
        b.on_message(NUMBERS, lambda _, number: heard.append(number))
        b.on_stream("echo", echo)
        a.learn(B, [Ticket("memory://b:1")])
        await until_reachable(a, "b", "c")
        counting = asyncio.ensure_future(count_over(a, ended))
        sent = 0
        for _ in range(40):
            disturb(network, chance)
            for _ in range(chance.randrange(1, 8)):
                a.send(B, NUMBERS, sent)
                sent += 1
                await asyncio.sleep(0.005)
        network.heal()
        await eventually(lambda: all(ways(router) == ["memory", "memory"] for router in (a, b, c)), 20)
        assert not counting.done(), counting.exception()
        counting.cancel()
        assert heard == sorted(set(heard))
        before = len(heard)
        assert a.send(B, NUMBERS, sent)
        await eventually(lambda: len(heard) > before)
