"""The control plane as it runs: asyncio, routers over a memory network, logs in memory and in SQLite."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path

import pytest

from exo_core.identifiers import BootId, CommandId, InstanceId, ModelId, NodeId
from exo_core.log.memory_log import MemoryLog
from exo_core.log.sqlite_log import SqliteLog
from exo_core.node_handle import AppliedEvent
from exo_core.placement import PlacementRequest
from exo_core.state.commands import AddModel, CommandAccepted, CommandRefused, DeleteInstance, PlaceInstance
from exo_core.state.events import Event, ExtensionChanged, NodeStarted, RunnerReady
from exo_core.state.instance_status import instance_status
from exo_core.state.state import State
from exo_core.telemetry import RunnerTelemetry
from exo_core.testing.control_planes import TestNode, control_plane_node, until
from exo_core.testing.memory_network import MemoryNetwork
from exo_core.testing.models import model_with_layers

pytestmark = pytest.mark.timeout(60)


def fact(key: str) -> ExtensionChanged:
    return ExtensionChanged(plugin="test", key=key, value=1)


def keys(state: State) -> set[str]:
    return set(state.extensions.get("test", {}))


def vanish(network: MemoryNetwork, name: str, others: tuple[str, ...]) -> None:
    """Its links die and it reaches nobody any more."""
    for other in others:
        network.partition(NodeId(name), NodeId(other))
    network.kill(NodeId(name))


def agree(nodes: list[TestNode]) -> bool:
    return len({node.control_plane.log_view.hash for node in nodes}) == 1


@pytest.fixture
async def three() -> AsyncIterator[tuple[MemoryNetwork, list[TestNode], list[AsyncExitStack]]]:
    """Three nodes that know each other, a leading; each with an exit stack of its own, to stop it."""
    network = MemoryNetwork()
    nodes: list[TestNode] = []
    stacks: list[AsyncExitStack] = []
    for name in ("a", "b", "c"):
        stack = AsyncExitStack()
        stacks.append(stack)
        nodes.append(
            await stack.enter_async_context(
                control_plane_node(
                    network, name, MemoryLog(), peers=[node.router for node in nodes], creator=name == "a"
                )
            )
        )
    for node in nodes:
        await until(node.control_plane, lambda plane: _all_gathered(plane.state))
    yield network, nodes, stacks
    for stack in reversed(stacks):
        await stack.aclose()


def _all_gathered(state: State) -> bool:
    return len(state.members) == 3 and all(member.backends for member in state.members.values())


async def test_a_single_node_leads_at_once_and_records_what_it_sees() -> None:
    loop = asyncio.get_running_loop()
    async with control_plane_node(MemoryNetwork(), "a", MemoryLog(), creator=True) as node:
        plane = node.control_plane
        started = loop.time()
        index = await plane.offer(fact("x"))
        assert loop.time() - started < 1.0
        assert plane.master_id == "a"
        assert plane.log_view.length >= index
        assert keys(plane.state) == {"x"}
        assert plane.state.members[NodeId("a")].boot == 1


async def test_three_nodes_keep_one_log_and_every_one_may_offer_and_ask(
    three: tuple[MemoryNetwork, list[TestNode], list[AsyncExitStack]],
) -> None:
    _, nodes, _ = three
    await asyncio.gather(*(node.control_plane.offer(fact(node.router.node_id)) for node in nodes))
    for node in nodes:
        await until(node.control_plane, lambda plane: keys(plane.state) == {"a", "b", "c"})
    manifest, card = model_with_layers(ModelId("m"), 4)
    answer = await nodes[2].control_plane.submit(AddModel(command_id=CommandId("1"), manifest=manifest, card=card))
    assert isinstance(answer, CommandAccepted)
    assert await nodes[1].control_plane.wait_for_index(answer.index, 5.0)
    assert ModelId("m") in nodes[1].control_plane.state.models


async def test_an_instance_is_placed_over_two_nodes_and_deleted_without_a_trace(
    three: tuple[MemoryNetwork, list[TestNode], list[AsyncExitStack]],
) -> None:
    _, nodes, _ = three
    plane = nodes[1].control_plane
    manifest, card = model_with_layers(ModelId("m"), 4)
    unknown = await plane.submit(_place("i", "m", 2))
    assert isinstance(unknown, CommandRefused)
    assert (unknown.status, unknown.code) == (404, "model_not_found")
    await plane.submit(AddModel(command_id=CommandId("1"), manifest=manifest, card=card))
    await plane.submit(_place("i", "m", 2))
    instance_id = InstanceId("i")
    assert instance_id in plane.state.instances, "what was accepted can be seen where it was asked"
    await until(plane, lambda plane: plane.state.instances[instance_id].placement is not None)
    placement = plane.state.instances[instance_id].placement
    assert placement is not None
    assert len({shard.node_id for shard in placement.shards}) == 2
    assert instance_status(plane.state, instance_id)[0] == "loading"
    planes = {node.router.node_id: node.control_plane for node in nodes}
    for shard in placement.shards:
        await planes[shard.node_id].offer(
            RunnerReady(
                runner_id=shard.runner_id,
                instance_id=instance_id,
                node_id=shard.node_id,
                boot=BootId(1),
            )
        )
    await until(plane, lambda plane: instance_status(plane.state, instance_id)[0] == "ready")
    again = await plane.submit(_place("i", "m", 2))
    assert isinstance(again, CommandAccepted)
    deleted = await plane.submit(DeleteInstance(command_id=CommandId("d"), instance_id=instance_id))
    assert isinstance(deleted, CommandAccepted)
    assert await plane.wait_for_index(deleted.index, 5.0)
    assert not plane.state.instances
    assert not plane.state.runners


def _place(instance: str, model: str, min_nodes: int) -> PlaceInstance:
    request = PlacementRequest(instance_id=InstanceId(instance), model_id=ModelId(model), min_nodes=min_nodes)
    return PlaceInstance(command_id=CommandId(f"place {instance}"), request=request)


async def test_when_the_master_dies_a_new_one_goes_on_with_the_log(
    three: tuple[MemoryNetwork, list[TestNode], list[AsyncExitStack]],
) -> None:
    network, nodes, _ = three
    await nodes[0].control_plane.offer(fact("before"))
    vanish(network, "a", ("b", "c"))
    survivors = nodes[1:]
    for node in survivors:
        await until(node.control_plane, lambda plane: plane.master_id in ("b", "c"))
    await survivors[0].control_plane.offer(fact("after"))
    for node in survivors:
        await until(node.control_plane, lambda plane: keys(plane.state) == {"before", "after"})
        await until(node.control_plane, lambda plane: plane.state.members[NodeId("a")].dead)
    assert agree(survivors)


async def test_a_node_that_stops_says_goodbye_and_is_replaced_at_once(
    three: tuple[MemoryNetwork, list[TestNode], list[AsyncExitStack]],
) -> None:
    _, nodes, stacks = three
    await stacks[0].aclose()
    for node in nodes[1:]:
        await until(node.control_plane, lambda plane: plane.master_id in ("b", "c"), timeout=2.0)
    await nodes[1].control_plane.offer(fact("without a"))
    for node in nodes[1:]:
        await until(node.control_plane, lambda plane: keys(plane.state) == {"without a"})
    assert agree(nodes[1:])


async def test_two_masters_that_meet_become_one_and_lose_nothing(
    three: tuple[MemoryNetwork, list[TestNode], list[AsyncExitStack]],
) -> None:
    network, nodes, _ = three
    a, b, c = (node.control_plane for node in nodes)
    network.partition(NodeId("a"), NodeId("b"))
    network.partition(NodeId("a"), NodeId("c"))
    await until(b, lambda plane: plane.master_id in ("b", "c"))
    await asyncio.gather(a.offer(fact("alone")), b.offer(fact("together")))
    network.heal()
    for plane in (a, b, c):
        await until(plane, lambda plane: keys(plane.state) == {"alone", "together"}, timeout=20.0)
    await until(a, lambda plane: plane.master_id == b.master_id, timeout=20.0)
    assert a.master_id in ("b", "c")
    await c.offer(fact("healed"))
    for plane in (a, b, c):
        await until(plane, lambda plane: "healed" in keys(plane.state))
    assert agree(nodes)


async def test_a_restarted_node_comes_back_with_its_log(tmp_path: Path) -> None:
    for boot in (1, 2):
        log = SqliteLog(tmp_path)
        async with control_plane_node(MemoryNetwork(), "a", log, creator=True, boot=boot) as node:
            await node.control_plane.offer(fact(f"boot {boot}"))
            assert keys(node.control_plane.state) == {f"boot {number}" for number in range(1, boot + 1)}
            assert node.control_plane.state.members[NodeId("a")].boot == boot
        log.close()


async def test_events_are_told_from_any_index_on_and_then_live() -> None:
    async with control_plane_node(MemoryNetwork(), "a", MemoryLog(), creator=True) as node:
        plane = node.control_plane
        await plane.offer(fact("x"))
        seen: list[Event | None] = []

        async def follow() -> None:
            async for applied in plane.events(1):
                assert isinstance(applied, AppliedEvent)
                assert applied.index == len(seen) + 2
                seen.append(applied.event)
                if applied.event == fact("y"):
                    return

        follower = asyncio.create_task(follow())
        await plane.offer(fact("y"))
        await asyncio.wait_for(follower, 5.0)
        assert any(isinstance(event, NodeStarted) for event in seen)
        assert fact("x") in seen


async def test_a_new_master_takes_over_what_runs(
    three: tuple[MemoryNetwork, list[TestNode], list[AsyncExitStack]],
) -> None:
    network, nodes, _ = three
    plane = nodes[1].control_plane
    manifest, card = model_with_layers(ModelId("m"), 4)
    await plane.submit(AddModel(command_id=CommandId("1"), manifest=manifest, card=card))
    request = PlacementRequest(
        instance_id=InstanceId("i"), model_id=ModelId("m"), min_nodes=2, nodes=(NodeId("b"), NodeId("c"))
    )
    await plane.submit(PlaceInstance(command_id=CommandId("2"), request=request))
    await until(plane, lambda plane: plane.state.instances[InstanceId("i")].placement is not None)
    placement = plane.state.instances[InstanceId("i")].placement
    assert placement is not None
    for node in nodes:
        for shard in placement.shards:
            if shard.node_id == node.router.node_id:
                node.runners.append(
                    RunnerTelemetry(
                        runner_id=shard.runner_id, instance_id=InstanceId("i"), status="ready", placement=placement
                    )
                )
                node.board.poke()
    vanish(network, "a", ("b", "c"))
    await until(plane, lambda plane: plane.master_id in ("b", "c"))
    await plane.offer(fact("after"))
    assert plane.state.instances[InstanceId("i")].placement == placement
