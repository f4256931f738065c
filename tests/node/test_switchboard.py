"""Signals find the transport or the runner that they are meant for, on whichever node."""

from __future__ import annotations

import asyncio

from exo_core.identifiers import NodeId, RunnerId
from exo_core.node.switchboard import Switchboard
from exo_core.testing.memory_network import MemoryNetwork
from exo_core.testing.memory_routers import memory_router, until_reachable
from exo_core.transports import Peer

Delivered = tuple[RunnerId, Peer, bytes]


def ignore(runner_id: RunnerId, sender: Peer, message: bytes) -> None:
    """For nodes without runners."""


async def test_signals_reach_transports_and_runners_of_another_node() -> None:
    network = MemoryNetwork(seed=0)
    delivered: asyncio.Queue[Delivered] = asyncio.Queue()
    here = Switchboard(ignore)
    there = Switchboard(lambda runner_id, sender, message: delivered.put_nowait((runner_id, sender, message)))
    async with memory_router(network, "a") as a, memory_router(network, "b", peers=[a]) as b:
        await until_reachable(a, "b")
        here.connect(a)
        there.connect(b)
        node_b = NodeId("b")
        async with asyncio.timeout(10):
            await here.signaller("webrtc").send(Peer(node_id=node_b, role="node"), b"offer")
            there.signaller("other")
            sender, message = await there.signaller("webrtc").receive()
            assert (sender.node_id, sender.role, message) == ("a", "node", b"offer")
            here.from_runner(RunnerId("r1"), Peer(node_id=node_b, role="runner:r2"), b"answer")
            runner_id, sender, message = await delivered.get()
        assert (runner_id, sender.role, message) == ("r2", "runner:r1", b"answer")
        assert there.signaller("other").arrived.empty()


async def test_a_signal_to_nobody_is_lost_without_harm() -> None:
    board = Switchboard(ignore)
    await board.signaller("webrtc").send(Peer(node_id=NodeId("nobody"), role="node"), b"offer")
    assert board.signaller("webrtc").arrived.empty()
