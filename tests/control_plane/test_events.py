"""Whoever listens to the log can follow it through everything that happens to it, and ends with the log as it is."""

from __future__ import annotations

import asyncio
from contextlib import aclosing
from functools import partial

from exo_core.control_plane.control_plane import ControlPlane
from exo_core.identifiers import BootId, NodeId, Origin
from exo_core.log.memory_log import MemoryLog
from exo_core.node_handle import AppliedEvent, LogItem, RolledBack, SummedUp
from exo_core.state.events import ExtensionChanged, FactId, Offer
from exo_core.testing.control_planes import control_plane_node, until
from exo_core.testing.memory_network import MemoryNetwork
from exo_core.testing.memory_routers import eventually
from exo_core.wire.codec import pack

MORE_THAN_A_SNAPSHOT = 1200


class Listener:
    """Believes what it is told. `chains` is the log as it has it, `told` everything in between."""

    def __init__(self) -> None:
        self.chains: list[bytes] = []
        self.told: list[LogItem] = []

    async def listen(self, plane: ControlPlane, after: int = 0, chain: bytes | None = None) -> None:
        async with aclosing(plane.events(after, chain)) as items:
            async for item in items:
                self.take(item)

    def agrees_with(self, plane: ControlPlane) -> bool:
        """Whether it has the log as it is now."""
        return bool(self.chains) and self.chains[-1].hex() == plane.log_view.hash

    def take(self, item: LogItem) -> None:
        self.told.append(item)
        if isinstance(item, RolledBack):
            assert item.to < len(self.chains), "nothing is taken back that was not told"
            del self.chains[item.to :]
        elif isinstance(item, AppliedEvent):
            assert item.index == len(self.chains) + 1, "no gap, nothing twice"
            self.chains.append(item.entry.chain)


def fact(key: str) -> ExtensionChanged:
    return ExtensionChanged(plugin="test", key=key, value=1)


def has(plane: ControlPlane, *keys: str) -> bool:
    return set(keys) <= plane.state.extensions.get("test", {}).keys()


async def test_a_rollback_is_told_and_then_what_came_instead() -> None:
    network = MemoryNetwork(1)
    first, second = NodeId("a"), NodeId("b")
    async with (
        control_plane_node(network, "a", MemoryLog(), creator=True) as a,
        control_plane_node(network, "b", MemoryLog(), peers=[a.router], boot=2) as b,
    ):
        planes = (a.control_plane, b.control_plane)
        for plane in planes:
            await until(plane, lambda plane: len(plane.state.members) == 2, timeout=30)
        listeners = [Listener(), Listener()]
        listening = [
            asyncio.create_task(listener.listen(plane)) for listener, plane in zip(listeners, planes, strict=True)
        ]
        network.partition(first, second)
        for plane, key in zip(planes, ("on a", "on b"), strict=True):
            await until(plane, lambda plane: plane.master_id == plane.node_id, timeout=30)
            await plane.offer(fact(key))
        before = [list(listener.chains) for listener in listeners]
        network.heal()
        for plane in planes:
            await until(plane, lambda plane: has(plane, "on a", "on b"), timeout=60)
        await a.control_plane.offer(fact("after"))
        for listener, plane in zip(listeners, planes, strict=True):
            await until(plane, lambda plane: has(plane, "after"), timeout=30)
            await eventually(partial(listener.agrees_with, plane), 10)
        for task in listening:
            task.cancel()
        cut = [listener for listener in listeners if any(isinstance(item, RolledBack) for item in listener.told)]
        assert len(cut) == 1, "one side gave way, and its listener was told"
        assert listeners[0].chains == listeners[1].chains

        late = Listener()
        late.chains = before[listeners.index(cut[0])]
        again = asyncio.create_task(late.listen(planes[0], len(late.chains), late.chains[-1]))
        await eventually(lambda: late.chains == listeners[0].chains, 10)
        again.cancel()
        assert late.told[0] == RolledBack(to=0), "who comes with the history that gave way is told first"


async def test_entries_that_a_snapshot_replaced_are_summed_up() -> None:
    async with control_plane_node(MemoryNetwork(), "a", MemoryLog(), creator=True) as a:
        plane = a.control_plane
        for number in range(MORE_THAN_A_SNAPSHOT):
            plane.offer_soon(fact(str(number)))
        await plane.offer(fact("last"))
        async with asyncio.timeout(30), aclosing(plane.events(0)) as items:
            while not isinstance(summed := await anext(items), SummedUp):
                await plane.offer(fact("one more"))  # compaction waits for the next turn
            following = await anext(items)
        assert summed.index > 0
        assert isinstance(following, AppliedEvent)
        assert following.index == summed.index + 1


async def test_an_event_of_a_newer_version_is_kept_skipped_and_told() -> None:
    """It comes from a node of that version, over a member that does not know it, into everybody's log."""
    network, log, payload = MemoryNetwork(), MemoryLog(), pack({"type": "from_the_future", "wheels": 3})
    log.set_outbox([Offer(event_id=FactId(origin=Origin(node_id=NodeId("z"), boot=BootId(9)), seq=1), payload=payload)])
    async with (
        control_plane_node(network, "a", log, creator=True) as a,
        control_plane_node(network, "b", MemoryLog(), peers=[a.router], boot=2) as b,
    ):
        await a.control_plane.offer(fact("x"))
        await until(b.control_plane, lambda plane: has(plane, "x"), timeout=30)
        async with asyncio.timeout(10), aclosing(b.control_plane.events(0)) as items:
            async for item in items:
                if isinstance(item, AppliedEvent) and item.event is None:
                    assert item.entry.payload == payload, "verbatim"
                    break
        assert a.control_plane.log_view.hash == b.control_plane.log_view.hash
