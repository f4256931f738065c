"""Previews, wishes, exact placements, waiting and removal."""

from __future__ import annotations

import asyncio
import json
from typing import Any, Protocol

import httpx
import pytest

from exo_core.identifiers import BootId, InstanceId, ModelId, NodeId
from exo_core.placement import Placement
from exo_core.state.aliases import EXTENSION
from exo_core.state.events import ExtensionChanged, InstanceWaiting, RunnerReady
from exo_http.testing.scripted_node import ScriptedNode

OTHER = NodeId("b" * 26)


class Cluster(Protocol):
    """Of the fixture."""

    def place(self, instance_id: str) -> Placement: ...


async def test_previews(client: httpx.AsyncClient) -> None:
    previews = (await client.get("/instance/previews?model_id=known")).json()
    assert [preview["error"] for preview in previews] == ["needs 420 bytes, one has 300", None]
    assert previews[1]["memory_bytes"] == {OTHER: 210}
    assert [shard["end_layer"] for shard in previews[1]["placement"]["shards"]] == [2, 4]


async def test_previews_of_nothing(client: httpx.AsyncClient) -> None:
    assert (await client.get("/instance/previews")).status_code == 400
    unknown = await client.get("/instance/previews?model_id=nobody/knows")
    assert (unknown.status_code, unknown.json()["error"]["code"]) == (404, "model_not_found")


async def test_a_wish(client: httpx.AsyncClient, node: ScriptedNode) -> None:
    response = await client.post("/place_instance", json={"model_id": "known", "min_nodes": 2, "nodes": [OTHER]})
    assert response.status_code == 202
    answer = response.json()
    assert set(answer) == {"instance_id", "command_id", "index"}
    assert answer["index"] == node.log.length
    wish = node.state.instances[InstanceId(answer["instance_id"])].request
    assert (wish.model_id, wish.min_nodes, wish.nodes, wish.placement) == ("known", 2, (OTHER,), None)
    shown = (await client.get(f"/instance/{answer['instance_id']}")).json()
    assert (shown["instance_id"], shown["status"]) == (answer["instance_id"], "placing")


async def test_a_wish_by_another_name(client: httpx.AsyncClient, node: ScriptedNode) -> None:
    node.record(ExtensionChanged(plugin=EXTENSION, key="fast", value="known"))
    response = await client.post("/place_instance", json={"model_id": "fast"})
    assert response.status_code == 202
    assert node.state.instances[InstanceId(response.json()["instance_id"])].request.model_id == "known"
    waiting = await client.get("/instance/await?model_id=fast&timeout=0")
    assert '"model_id": "known"' in waiting.text


async def test_a_model_that_was_never_added_is_added_first(client: httpx.AsyncClient, node: ScriptedNode) -> None:
    response = await client.post("/place_instance", json={"model_id": "resolvable"})
    assert response.status_code == 202
    assert ModelId("resolvable") in node.state.models


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        ({"model_id": "nobody/knows"}, 404, "model_not_found"),
        ({"model_id": "known", "nodes": ["c" * 26]}, 404, "node_not_found"),
        ({"model_id": "known", "min_nodes": 3}, 409, "too_few_nodes"),
        ({"model_id": "known", "min_nodes": 0}, 400, "invalid_value"),
        ({"model_id": "known", "parallel": "tensor"}, 400, "not_there_yet"),
        ({"model_id": "known", "parallel": "sideways"}, 400, "invalid_value"),
        ({"model_id": "known", "min_node": 2}, 400, "invalid_value"),
        ({"min_nodes": 2}, 400, "invalid_value"),
    ],
)
async def test_a_wish_that_cannot_be(
    client: httpx.AsyncClient, node: ScriptedNode, body: dict[str, Any], status: int, code: str
) -> None:
    before = node.log.length
    response = await client.post("/place_instance", json=body)
    assert (response.status_code, response.json()["error"]["code"]) == (status, code)
    assert node.log.length == before


async def test_a_preview_can_be_posted_as_it_is_even_twice(client: httpx.AsyncClient, node: ScriptedNode) -> None:
    preview = (await client.get("/instance/previews?model_id=known")).json()[1]
    answers = [(await client.post("/instance", json=preview)).json() for _ in range(2)]
    wishes = [node.state.instances[InstanceId(answer["instance_id"])].request for answer in answers]
    placements = [wish.placement for wish in wishes]
    runners = [shard.runner_id for placement in placements if placement for shard in placement.shards]
    assert len(set(runners)) == 4
    assert placements[0] is not None
    layers = [(shard.node_id, shard.start_layer, shard.end_layer) for shard in placements[0].shards]
    assert layers == [(node.node_id, 0, 2), (OTHER, 2, 4)]


@pytest.mark.parametrize(
    "changes",
    [
        {"end_layer": 3},
        {"start_layer": 1},
        {"stage": 1},
        {"stages": 3},
        {"start_layer": "0"},
        {"node_id": None},
        {"end_layer": 2**63},
    ],
)
async def test_an_exact_placement_that_is_none(
    client: httpx.AsyncClient, node: ScriptedNode, changes: dict[str, Any]
) -> None:
    before = node.log.length
    preview = (await client.get("/instance/previews?model_id=known")).json()[1]
    preview["placement"]["shards"][0].update(changes)
    response = await client.post("/instance", json=preview)
    assert response.status_code == 400
    assert response.json()["error"]["param"].startswith("placement")
    assert node.log.length == before


async def test_an_exact_placement_against_the_card(client: httpx.AsyncClient) -> None:
    preview = (await client.get("/instance/previews?model_id=known")).json()[1]
    first, second = preview["placement"]["shards"]
    first["end_layer"] = second["start_layer"] = 1
    forbidden = await client.post("/instance", json=preview)
    assert "may not be cut before layer 1" in forbidden.json()["error"]["message"]
    first["end_layer"] = second["start_layer"] = 2
    second["end_layer"] = 3
    short = await client.post("/instance", json=preview)
    assert "hold 3 layers" in short.json()["error"]["message"]
    refused = (await client.get("/instance/previews?model_id=known")).json()[0]
    assert (await client.post("/instance", json=refused)).status_code == 400


async def test_removal(client: httpx.AsyncClient, node: ScriptedNode) -> None:
    placed = (await client.post("/place_instance", json={"model_id": "known"})).json()
    removed = await client.delete(f"/instance/{placed['instance_id']}")
    assert removed.status_code == 202
    assert removed.json()["index"] == node.log.length
    assert not node.state.instances
    assert (await client.get(f"/instance/{placed['instance_id']}")).status_code == 404
    assert (await client.delete("/instance/never")).status_code == 404


async def test_waiting_for_an_instance(client: httpx.AsyncClient, node: ScriptedNode, cluster: Cluster) -> None:
    async with client.stream("GET", "/instance/await?model_id=known") as response:
        events = response.aiter_lines()
        assert await following(events) == ("status", "absent")
        placed = (await client.post("/place_instance", json={"model_id": "known"})).json()["instance_id"]
        assert await following(events) == ("status", "placing")
        node.record(InstanceWaiting(instance_id=InstanceId(placed), reason="needs 9 GB"))
        assert await following(events) == ("status", "waiting")
        shards = cluster.place(placed).shards
        assert await following(events) == ("status", "loading")
        for shard in shards:
            node.record(
                RunnerReady(
                    runner_id=shard.runner_id,
                    instance_id=InstanceId(placed),
                    node_id=shard.node_id,
                    boot=BootId(1),
                )
            )
        while (last := await following(events)) == ("status", "loading"):
            pass
        assert last == ("ready", "ready")
        assert [line async for line in events if line] == []


async def following(lines: Any) -> tuple[str, str]:
    """The next event's name and the status it tells."""
    async with asyncio.timeout(5):
        while not (name := await anext(lines)).startswith("event: "):
            pass
        return name[7:], json.loads((await anext(lines))[6:])["status"]


async def test_waiting_ends(client: httpx.AsyncClient) -> None:
    response = await client.get("/instance/await?model_id=known&timeout=0")
    assert response.headers["content-type"].startswith("text/event-stream")
    assert "event: timeout" in response.text
    assert (await client.get("/instance/await")).status_code == 400
