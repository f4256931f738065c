"""`/state` has exactly the shape that scripts rely on, and holds what the node knows."""

from __future__ import annotations

import asyncio
from typing import Any, Protocol

import httpx

from exo_core.identifiers import BootId, InstanceId, ModelId, NodeId, RunnerId
from exo_core.placement import Placement, PlacementRequest, Shard
from exo_core.state.events import InstanceRequested, NodeDead, RunnerFailed, RunnerReady
from exo_core.telemetry import RunnerTelemetry, Telemetry
from exo_http.testing.scripted_node import ScriptedNode

OTHER = NodeId("b" * 26)
WISH = InstanceRequested(request=PlacementRequest(instance_id=InstanceId("i"), model_id=ModelId("known")))


class Cluster(Protocol):
    """Of the fixture."""

    def place(self, instance_id: str) -> Placement: ...
    def measure(self, *runners: RunnerTelemetry) -> None: ...


def ready(shard: Shard) -> RunnerReady:
    """The fact that a shard of instance `i` is loaded."""
    return RunnerReady(runner_id=shard.runner_id, instance_id=InstanceId("i"), node_id=shard.node_id, boot=BootId(1))


async def state_of(client: httpx.AsyncClient) -> dict[str, Any]:
    """The document."""
    response = await client.get("/state")
    assert response.status_code == 200
    document: dict[str, Any] = response.json()
    return document


async def test_the_shape(client: httpx.AsyncClient, node: ScriptedNode, cluster: Cluster) -> None:
    node.record(WISH)
    cluster.place("i")
    cluster.measure()
    state = await state_of(client)
    assert list(state) == [
        "node_id", "cluster_id", "master", "epoch", "log", "nodes", "instances", "runners", "links",
        "urls", "consistency", "problems",
    ]  # fmt: skip
    assert (state["node_id"], state["cluster_id"], state["master"]) == (node.node_id, node.cluster_id, node.node_id)
    assert state["epoch"] == {"term": 1, "master_id": node.node_id}
    assert state["log"] == {"length": node.log.length, "settled": node.log.settled, "hash": node.log.hash}
    assert state["nodes"][OTHER] == {
        "name": "two",
        "version": "0.1.1",
        "alive": True,
        "draining": False,
        "last_seen_s": 0.25,
        "memory": {"total": 1000, "free": 600, "for_models": 500},
        "backends": ["echo"],
        "transports": ["tcp"],
        "facts": {"machine": {"cpus": 2}},
        "role": "follower",
        "log": {"term": 1, "length": 7, "lag": node.log.length - 7, "hash": "0123456789abcdef"},
        "trouble": "the disk is full",
    }
    own = state["nodes"][node.node_id]
    assert (own["role"], own["log"]["hash"], own["log"]["lag"]) == ("master", node.log.hash[:16], 0)
    instance = state["instances"]["i"]
    assert (instance["model_id"], instance["parallel"], instance["status"]) == ("known", "pipeline", "loading")
    assert (instance["generation"], instance["unload_after_s"]) == (None, None)
    assert instance["shards"][1] == {
        "runner_id": "r1", "node_id": OTHER, "stage": 1, "stages": 2, "start_layer": 2, "end_layer": 4,
    }  # fmt: skip
    assert state["runners"]["r1"]["node_id"] == OTHER
    assert state["runners"]["r1"]["instance_id"] == "i"
    assert (state["runners"]["r1"]["status"], state["runners"]["r1"]["detail"]) == ("starting", "")
    assert state["links"] == [
        {
            "a": node.node_id,
            "b": OTHER,
            "transport": "tcp",
            "address": "tcp://10.0.0.2:52416",
            "round_trip_ms": 0.4,
            "bytes_per_s": None,
        }
    ]


async def test_links_that_only_a_dead_member_told_of_are_gone(
    client: httpx.AsyncClient, node: ScriptedNode, cluster: Cluster
) -> None:
    cluster.measure()
    own, other = node.telemetry.nodes[node.node_id], node.telemetry.nodes[OTHER]
    node.measure(Telemetry(nodes={node.node_id: own.model_copy(update={"links": ()}), OTHER: other}))
    assert len((await state_of(client))["links"]) == 1
    node.record(NodeDead(node_id=OTHER))
    assert (await state_of(client))["links"] == []


async def test_a_member_that_was_never_heard(client: httpx.AsyncClient, node: ScriptedNode) -> None:
    nodes = (await state_of(client))["nodes"]
    assert nodes[OTHER]["last_seen_s"] is None
    assert nodes[OTHER]["memory"] == {"total": 1000, "free": None, "for_models": None}
    assert nodes[node.node_id]["alive"] is True
    assert nodes[node.node_id]["last_seen_s"] == 0


async def test_runners_by_telemetry_then_by_the_log(
    client: httpx.AsyncClient, node: ScriptedNode, cluster: Cluster
) -> None:
    node.record(WISH)
    first, second = cluster.place("i").shards
    node.record(ready(first))
    node.record(RunnerFailed(**ready(second).model_dump(exclude={"type"}), detail="no memory"))
    runners = (await state_of(client))["runners"]
    assert runners["r0"]["status"] == "ready"
    assert (runners["r1"]["status"], runners["r1"]["detail"]) == ("failed", "no memory")
    busy = RunnerTelemetry(
        runner_id=RunnerId("r0"), instance_id=InstanceId("i"), status="busy", generation=("p", 1, 2), done=1, total=4
    )
    cluster.measure(busy)
    state = await state_of(client)
    assert state["runners"]["r0"]["status"] == "busy"
    assert (state["runners"]["r0"]["done"], state["runners"]["r0"]["total"]) == (1, 4)
    assert state["instances"]["i"]["generation"] == ["p", 1, 2]
    node.record(NodeDead(node_id=OTHER))
    state = await state_of(client)
    assert state["nodes"][OTHER]["alive"] is False
    assert state["runners"]["r1"]["status"] == "stopped"
    assert "two" in state["runners"]["r1"]["detail"]


async def test_at_least_waits_for_an_index(client: httpx.AsyncClient, node: ScriptedNode) -> None:
    index = node.log.length + 1
    asking = asyncio.create_task(client.get(f"/state?at_least={index}"))
    assert (await client.get("/node_id")).json() == node.node_id
    node.record(WISH)
    state = (await asking).json()
    assert state["log"]["length"] == index
    assert "i" in state["instances"]


async def test_at_least_must_be_a_number(client: httpx.AsyncClient) -> None:
    for wrong in ("-1", "x", "1.5", str(2**63), ""):
        response = await client.get("/state", params={"at_least": wrong})
        assert (response.status_code, response.json()["error"]["param"]) == (400, "at_least")


async def test_ready_once_an_instance_is(client: httpx.AsyncClient, node: ScriptedNode, cluster: Cluster) -> None:
    response = await client.get("/ready")
    assert response.status_code == 503
    assert "exo place tiny" in response.json()["error"]["message"]
    node.record(WISH)
    for shard in cluster.place("i").shards:
        assert (await client.get("/ready")).status_code == 503
        node.record(ready(shard))
    response = await client.get("/ready")
    assert response.json() == {"status": "ready", "instances": [{"instance_id": "i", "model_id": "known"}]}
