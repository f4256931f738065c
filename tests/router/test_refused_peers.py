"""Who is turned away, and with which sentence; and what a link costs whose other end talks nonsense."""

from __future__ import annotations

import asyncio

import pytest
from pydantic import TypeAdapter

from exo_core.errors import LinkClosed
from exo_core.identifiers import NodeId
from exo_core.messaging import Call
from exo_core.testing.memory_network import MemoryNetwork
from exo_core.testing.memory_routers import eventually, memory_identity, memory_router, until_reachable
from exo_core.transports import Link, Ticket, TransportContext
from exo_core.wire.codec import decode_model
from exo_core.wire.frames import GOODBYE, Frame, header
from exo_core.wire.handshake import Handshake
from exo_core.wire.hello import WIRE_VERSION, Refusal

A, B, C = NodeId("a"), NodeId("b"), NodeId("c")
TO_A = Ticket("memory://a:1")
DOUBLE = Call("double", TypeAdapter(int), TypeAdapter(int))


async def double(_: NodeId, number: int) -> int:
    return 2 * number


async def test_two_machines_with_one_identity_are_told_so() -> None:
    network = MemoryNetwork()
    async with memory_router(network, "a") as a, memory_router(network, "b", peers=[a], boot=1) as b:
        await until_reachable(a, "b")
        async with memory_router(network, "b", peers=[a], listen="copy:1", boot=2) as copy:
            await eventually(lambda: TO_A in copy.problems)
            assert "two machines with one copied identity" in copy.problems[TO_A]
            assert copy.reachable == frozenset()
            assert b.reachable == {A}


async def test_a_node_does_not_link_to_itself() -> None:
    network = MemoryNetwork()
    async with memory_router(network, "a", peers=[TO_A]) as a:
        await eventually(lambda: TO_A in a.problems)
        assert "itself" in a.problems[TO_A]
        assert a.reachable == frozenset()


async def test_another_cluster_is_refused_by_its_authority() -> None:
    network = MemoryNetwork()
    async with memory_router(network, "a") as a, memory_router(network, "b", cluster="other", peers=[a]) as b:
        await eventually(lambda: TO_A in b.problems)
        assert "another cluster" in b.problems[TO_A]
        assert (a.reachable, b.reachable) == (frozenset(), frozenset())


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"cluster_id": "other"}, "is of cluster other"),
        ({"consistency": "majority"}, "keeps 'availability'"),
        ({"election": "raft"}, "elects by 'raft'"),
        ({"wire_version": WIRE_VERSION + 1, "exo_version": "0.2.0"}, "bring a's machine to exo 0.2.0"),
    ],
)
async def test_a_peer_that_differs_is_refused_with_a_sentence(changes: dict[str, object], words: str) -> None:
    network = MemoryNetwork()
    async with memory_router(network, "a") as a, memory_router(network, "b", peers=[a], changes=changes) as b:
        await eventually(lambda: TO_A in b.problems)
        assert words in b.problems[TO_A]
        assert (a.reachable, b.reachable) == (frozenset(), frozenset())


async def test_a_forgotten_member_is_told_and_stays_out() -> None:
    network = MemoryNetwork()
    forgotten: set[NodeId] = set()

    def judge(hello: object) -> str | None:
        return "b was forgotten" if B in forgotten else None

    async with memory_router(network, "a", judge=judge) as a, memory_router(network, "b", peers=[a]) as b:
        await until_reachable(a, "b")
        await until_reachable(b, "a")
        forgotten.add(B)
        await a.disconnect(B, "you were forgotten")
        assert a.reachable == frozenset()
        await eventually(lambda: b.problems.get(TO_A) == "b was forgotten")
        assert b.reachable == frozenset()


@pytest.mark.parametrize("role", ["runner:r1", "joiner"])
async def test_only_nodes_speak_cluster_messages(role: str) -> None:
    network = MemoryNetwork()
    async with memory_router(network, "a") as a:
        runner = network.transport(TransportContext(identity=memory_identity("b", role=role)))
        link = await runner.connect(TO_A)
        refusal = decode_model(Refusal, await link.receive())
        assert refusal.code == "role"
        assert role in refusal.reason
        with pytest.raises(LinkClosed):
            await link.receive()
        assert a.reachable == frozenset()


@pytest.mark.parametrize(
    "nonsense", [b"", b"\xff" * 7, b"\x04\x00\x00\x00\x01\x09", header(Frame(GOODBYE, 0)) + b"\xff"]
)
async def test_a_broken_frame_costs_its_link_and_nothing_else(nonsense: bytes) -> None:
    network = MemoryNetwork()
    async with memory_router(network, "a") as a, memory_router(network, "c", peers=[a]) as c:
        c.on_call(DOUBLE, double)
        await until_reachable(a, "c")
        transport = network.transport(TransportContext(identity=memory_identity("b")))
        link = await transport.connect(TO_A)
        own = a.peer_hello(C)
        assert own is not None
        handshake = Handshake(
            "dialler", own=own.model_copy(update={"node_id": B, "tickets": ()}), proven=A, judge=lambda _: None
        )
        await link.send(handshake.begin())
        handshake.receive(await link.receive())
        assert handshake.state == "met"
        await until_reachable(a, "b", "c")
        await link.send(nonsense)
        await until_reachable(a, "c")
        await until_closed(link)
        assert await a.ask(C, DOUBLE, 1, timeout=5) == 2


@pytest.mark.parametrize("first", [b"", b"GET / HTTP/1.1\r\n", bytes(300_000)])
async def test_whoever_does_not_introduce_itself_is_hung_up_on(first: bytes) -> None:
    network = MemoryNetwork()
    async with memory_router(network, "a") as a:
        link = await network.transport(TransportContext(identity=memory_identity("b"))).connect(TO_A)
        await link.send(first)
        with pytest.raises(LinkClosed):
            await link.receive()
        assert a.reachable == frozenset()


async def until_closed(link: Link) -> None:
    try:
        async with asyncio.timeout(5):
            while True:
                await link.receive()
    except LinkClosed:
        return
