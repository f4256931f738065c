"""A cluster in which two members have no link of their own: what they say goes over a third."""

from __future__ import annotations

import asyncio
from contextlib import aclosing
from pathlib import Path

import pytest

from exo_core.identifiers import CommandId, InstanceId, RequestId
from exo_core.node.node import Node
from exo_core.placement import RELAY, PlacementRequest
from exo_core.requests import Accepted, Chunk, Generate, TextPrompt
from exo_core.state.commands import CommandAccepted, PlaceInstance
from exo_core.testing.clusters import memory_cluster

PATIENCE_S = 60.0


def transport_between(node: Node, other: Node) -> str:
    """Of the link by which `node` reaches `other`, as it measured itself last."""
    own = node.telemetry.nodes[node.node_id]
    return next((link.transport for link in own.links if link.b == other.node_id), "none")


async def until_reached_by(node: Node, other: Node, transport: str) -> None:
    async with asyncio.timeout(PATIENCE_S):
        async for _ in node.changes():
            if transport_between(node, other) == transport:
                return


@pytest.mark.timeout(400)
async def test_commands_the_log_and_a_stream_go_over_a_third_member(tmp_path: Path) -> None:
    """The master cannot hear one follower, and that one has the head of the model that the master's client asks."""
    async with memory_cluster(3, tmp_path) as cluster:
        master = next(node for node in cluster.nodes if node.node_id == node.master_id)
        follower, third = (node for node in cluster.nodes if node is not master)
        epoch = master.epoch
        await until_reached_by(follower, third, "memory")  # they joined by the master, and meet a moment later
        cluster.network.partition(master.node_id, follower.node_id)
        cluster.network.drop(master.node_id, follower.node_id)
        await until_reached_by(master, follower, RELAY)
        await until_reached_by(follower, master, RELAY)

        assert isinstance(await follower.add_model(cluster.model), CommandAccepted)
        wish = PlaceInstance(
            command_id=CommandId("wish"),
            request=PlacementRequest(
                instance_id=InstanceId("there"), model_id=cluster.model, nodes=(follower.node_id,)
            ),
        )
        answer = await follower.submit(wish)
        assert isinstance(answer, CommandAccepted)
        for node in cluster.nodes:
            assert await node.wait_for_index(answer.index, PATIENCE_S)

        request = Generate(request_id=RequestId("r"), prompt=TextPrompt(text="a b c d e f g h"), max_tokens=8)
        async with asyncio.timeout(PATIENCE_S), aclosing(master.generate(request, cluster.model)) as stream:
            answers = [item async for item in stream]
        assert sum(isinstance(item, Accepted) for item in answers) == 1
        assert [item.index for item in answers if isinstance(item, Chunk)] == list(range(8))

        assert transport_between(master, follower) == RELAY
        assert all(node.epoch == epoch for node in cluster.nodes), "nobody was taken for dead"
        assert not any(member.dead for member in third.state.members.values())

        cluster.network.heal()
        async with asyncio.timeout(PATIENCE_S):
            async for _ in master.changes():
                if transport_between(master, follower) == "memory":
                    break
        assert all(node.epoch == epoch for node in cluster.nodes)
