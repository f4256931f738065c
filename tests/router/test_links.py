"""One link to each peer, whoever dialled; made again whenever it dies."""

from __future__ import annotations

import asyncio
import logging
import random
from contextlib import AsyncExitStack
from dataclasses import replace

import pytest
from pydantic import TypeAdapter

from exo_core.errors import LinkClosed
from exo_core.identifiers import NodeId
from exo_core.messaging import Call, PeerChange, Stream
from exo_core.testing.memory_network import MemoryNetwork
from exo_core.testing.memory_routers import PATIENCE, eventually, memory_router, until_reachable
from exo_core.transports import Ticket

A, B, C = NodeId("a"), NodeId("b"), NodeId("c")
TO_A, TO_B = Ticket("memory://a:1"), Ticket("memory://b:1")
DOUBLE = Call("double", TypeAdapter(int), TypeAdapter(int))


async def double(_: NodeId, number: int) -> int:
    return 2 * number


@pytest.mark.parametrize("seed", range(40))
async def test_when_both_dial_at_once_one_link_is_left(seed: int) -> None:
    """And the streams on it live on, however the two introductions were interleaved."""
    network = MemoryNetwork(seed)
    chance = random.Random(seed)
    network.delay(A, B, chance.choice([0.0, 0.001, 0.005]), jitter=chance.choice([0.0, 0.002, 0.01]))
    ended: list[str] = []

    async def echo(stream: Stream, opening: bytes) -> None:
        try:
            while True:
                await stream.send(await stream.receive())
        except LinkClosed as end:
            ended.append(str(end))

    async with memory_router(network, "a", peers=[TO_B], seed=seed) as a, AsyncExitStack() as later:
        await asyncio.sleep(chance.choice([0.0, 0.0, 0.002, 0.01]))
        b = await later.enter_async_context(memory_router(network, "b", peers=[TO_A], seed=seed + 1))
        b.on_stream("echo", echo)
        a.on_stream("echo", echo)
        await until_reachable(a, "b")
        await until_reachable(b, "a")
        streams = [await a.open_stream(B, "echo", b""), await b.open_stream(A, "echo", b"")]
        await eventually(lambda: network.open_links() == 1)
        async with asyncio.timeout(5):
            for number in range(5):
                for stream in streams:
                    await stream.send(bytes([number]))
                    assert await stream.receive() == bytes([number])
        assert (len(a.links), len(b.links)) == (1, 1)
        assert ended == []
        for stream in streams:
            await stream.close()


async def test_three_nodes_find_each_other_through_what_they_were_given() -> None:
    network = MemoryNetwork()
    async with (
        memory_router(network, "a") as a,
        memory_router(network, "b", peers=[a]) as b,
        memory_router(network, "c", peers=[a, b]) as c,
    ):
        for router in (a, b, c):
            router.on_call(DOUBLE, double)
        await until_reachable(a, "b", "c")
        await until_reachable(b, "a", "c")
        await until_reachable(c, "a", "b")
        for asker in (a, b, c):
            for answerer in (A, B, C):
                assert await asker.ask(answerer, DOUBLE, 21, timeout=5) == 42
        assert network.open_links() == 3


async def test_a_link_that_died_is_made_again_and_streams_on_it_ended() -> None:
    network = MemoryNetwork()
    async with memory_router(network, "a") as a, memory_router(network, "b", peers=[a]) as b:
        b.on_call(DOUBLE, double)
        b.on_stream("quiet", _wait_for_ever)
        await until_reachable(a, "b")
        for _ in range(5):
            changes = a.peer_changes()
            assert await anext(changes) == PeerChange(node_id=B, reachable=True)
            stream = await a.open_stream(B, "quiet", b"")
            question = asyncio.ensure_future(a.ask(B, DOUBLE, 1, timeout=5))
            await asyncio.sleep(0)
            network.drop(A, B)
            with pytest.raises(LinkClosed):
                await stream.receive()
            with pytest.raises(LinkClosed):
                await stream.send(b"")
            with pytest.raises(LinkClosed):
                await question
            async with asyncio.timeout(5):
                assert await anext(changes) == PeerChange(node_id=B, reachable=False)
                assert await anext(changes) == PeerChange(node_id=B, reachable=True)
            await until_reachable(b, "a")
            assert await a.ask(B, DOUBLE, 4, timeout=5) == 8


async def test_only_one_side_knows_the_other_and_still_both_reconnect() -> None:
    """A node tells its own tickets, so whoever was dialled can dial back."""
    network = MemoryNetwork()
    async with memory_router(network, "a") as a:
        async with memory_router(network, "b", peers=[a]):
            await until_reachable(a, "b")
        await until_reachable(a)
        async with memory_router(network, "b"):
            await until_reachable(a, "b")


async def test_a_goodbye_is_heard_at_once(caplog: pytest.LogCaptureFixture) -> None:
    network = MemoryNetwork()
    caplog.set_level(logging.INFO)
    patient = replace(PATIENCE, dead_after=60.0)
    async with memory_router(network, "a", settings=patient) as a:
        async with memory_router(network, "b", peers=[a]) as b:
            await until_reachable(b, "a")
        await until_reachable(a)
        assert "it said goodbye: b's machine is stopping" in caplog.text


async def test_a_silent_peer_is_given_up_and_found_again() -> None:
    network = MemoryNetwork()
    async with memory_router(network, "a") as a, memory_router(network, "b", peers=[a]) as b:
        b.on_call(DOUBLE, double)
        await until_reachable(a, "b")
        network.partition(A, B)
        await until_reachable(a)
        await until_reachable(b)
        network.heal()
        await until_reachable(a, "b")
        await until_reachable(b, "a")
        assert await a.ask(B, DOUBLE, 4, timeout=5) == 8
        await eventually(lambda: network.open_links() == 1)


async def test_a_half_dead_link_is_replaced_by_whoever_noticed_first() -> None:
    """b is deaf to a and gives up; a still hears b and must not hold on to the old link when b comes back."""
    network = MemoryNetwork()
    async with memory_router(network, "a") as a, memory_router(network, "b", peers=[a]) as b:
        b.on_call(DOUBLE, double)
        await until_reachable(b, "a")
        network.partition(A, B, one_way=True)
        await until_reachable(b)
        network.heal()
        await until_reachable(b, "a")
        await until_reachable(a, "b")
        assert await a.ask(B, DOUBLE, 4, timeout=5) == 8


async def test_a_restarted_node_replaces_its_former_self_before_that_is_found_dead() -> None:
    network = MemoryNetwork()
    patient = replace(PATIENCE, dead_after=60.0)
    async with memory_router(network, "a", settings=patient) as a:
        async with memory_router(network, "b", peers=[a], boot=7) as b:
            await until_reachable(a, "b")
            await until_reachable(b, "a")
            network.lose_power(B)
        assert a.reachable == {B}
        async with memory_router(network, "b", peers=[a], boot=8):
            await eventually(lambda: (hello := a.peer_hello(B)) is not None and hello.boot == 8)


async def test_a_suggestion_is_tried_and_dropped_and_a_peer_is_kept() -> None:
    network = MemoryNetwork()
    async with memory_router(network, "a") as a:
        a.suggest(Ticket("memory://nobody:1"))
        a.suggest(Ticket("pigeon://x:1"))
        a.add_peer(TO_B)
        await eventually(lambda: len(a.problems) == 2)
        await eventually(lambda: a.is_dialling(TO_B) and not a.is_dialling(Ticket("memory://nobody:1")))
        async with memory_router(network, "b"):
            await until_reachable(a, "b")
            assert TO_B not in a.problems


async def test_an_address_that_changed_hands_leads_to_its_new_owner() -> None:
    network = MemoryNetwork()
    async with memory_router(network, "a", peers=[TO_B]) as a:
        async with memory_router(network, "b"):
            await until_reachable(a, "b")
        async with memory_router(network, "c", listen="b:1"):
            await until_reachable(a, "c")


async def test_peer_changes_come_in_order_to_everybody() -> None:
    network = MemoryNetwork()
    async with memory_router(network, "a") as a:
        seen: list[PeerChange] = []
        expected = [PeerChange(node_id=node, reachable=up) for node in (B, C) for up in (True, False)]

        async def watch() -> None:
            async for change in a.peer_changes():
                seen.append(change)
                if len(seen) == len(expected):
                    return

        watching = asyncio.ensure_future(watch())
        for name in ("b", "c"):
            async with memory_router(network, name, peers=[a]):
                await until_reachable(a, name)
            await until_reachable(a)
        await asyncio.wait_for(watching, 5)
        assert seen == expected


async def test_links_are_shown_with_their_round_trip() -> None:
    network = MemoryNetwork()
    network.delay(A, B, 0.005)
    async with memory_router(network, "a") as a, memory_router(network, "b", peers=[a]) as b:
        await until_reachable(b, "a")
        await eventually(lambda: b.links[0].round_trip_ms is not None)
        (link,) = b.links
        assert (link.peer, link.transport, link.address) == (A, "memory", TO_A)
        assert link.round_trip_ms is not None
        assert 10 <= link.round_trip_ms < 500


async def test_what_the_body_raises_is_what_leaves_it() -> None:
    message = "mine"
    with pytest.raises(KeyError, match=message):
        async with memory_router(MemoryNetwork(), "a"):
            raise KeyError(message)


async def _wait_for_ever(stream: Stream, opening: bytes) -> None:
    await asyncio.Event().wait()


async def test_what_goes_to_a_peer_and_comes_from_it_is_counted_over_all_links() -> None:
    """Both sides count, and go on where a link died."""
    network = MemoryNetwork(0)
    async with memory_router(network, "a") as a, memory_router(network, "b", peers=[TO_A]) as b:
        a.on_call(DOUBLE, double)
        await until_reachable(b, "a")
        before = b.traffic[A].sent
        assert await b.ask(A, DOUBLE, 4, timeout=5) == 8
        assert b.traffic[A].sent >= before + len("double")
        await eventually(lambda: a.traffic[B].received >= before + len("double"))
        first = b.traffic[A]
        network.partition(A, B)
        await eventually(lambda: not b.links)
        network.heal()
        await until_reachable(b, "a")
        assert await b.ask(A, DOUBLE, 4, timeout=5) == 8
        assert b.traffic[A].sent > first.sent + len("double")
        assert b.traffic[A].received > first.received
