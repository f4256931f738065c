"""The catalogue, downloads, and the log as events."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator

import httpx

from exo_core.errors import LogError
from exo_core.identifiers import InstanceId, ModelId
from exo_core.node_handle import LogItem, RolledBack, SummedUp
from exo_core.placement import PlacementRequest
from exo_core.state.aliases import EXTENSION
from exo_core.state.events import DownloadFinished, ExtensionChanged, InstanceRequested
from exo_core.telemetry import DownloadTelemetry, NodeTelemetry, Telemetry
from exo_http.testing.scripted_node import ScriptedNode

WISH = InstanceRequested(request=PlacementRequest(instance_id=InstanceId("i"), model_id=ModelId("known")))


async def test_the_catalogue(client: httpx.AsyncClient, node: ScriptedNode) -> None:
    node.record(DownloadFinished(node_id=node.node_id, model_id=ModelId("known"), revision="1"))
    node.record(ExtensionChanged(plugin=EXTENSION, key="fast", value="known"))
    (known,) = (await client.get("/models")).json()
    assert (known["id"], known["added"], known["card"]["layers"]) == ("known", True, 4)
    assert (known["on_disk"], known["aliases"]) == ([node.node_id], ["fast"])
    (download,) = (await client.get("/downloads")).json()
    told = {"node_id": node.node_id, "model_id": "known", "revision": "1", "status": "finished"}
    assert told.items() <= download.items()


async def test_adding_and_removing(client: httpx.AsyncClient, node: ScriptedNode) -> None:
    added = await client.post("/models/add", json={"model_id": "resolvable"})
    assert (added.status_code, added.json()["model_id"]) == (202, "resolvable")
    unknown = await client.post("/models/add", json={"model_id": "nobody/knows"})
    assert (unknown.status_code, unknown.json()["error"]["code"]) == (404, "model_not_found")
    assert (await client.delete("/models/resolvable")).status_code == 202
    assert ModelId("resolvable") not in node.state.models
    assert (await client.delete("/models/nobody/knows")).status_code == 404
    node.record(WISH)
    used = await client.delete("/models/known")
    assert (used.status_code, used.json()["error"]["code"]) == (409, "model_in_use")


async def test_downloads_are_begun_and_cancelled_any_number_of_times(
    client: httpx.AsyncClient, node: ScriptedNode
) -> None:
    for _ in range(2):
        begun = await client.post("/download/start", json={"model_id": "resolvable"})
        assert (begun.status_code, begun.json()) == (202, {"model_id": "resolvable", "node_ids": [node.node_id]})
        assert node.downloading == {(ModelId("resolvable"), node.node_id)}
        assert ModelId("resolvable") in node.state.models, "it is added on the way"
    for _ in range(2):
        ended = await client.post("/download/cancel", json={"model_id": "resolvable", "node_ids": [node.node_id]})
        assert ended.status_code == 202
        assert node.downloading == set()


async def test_downloads_that_cannot_be(client: httpx.AsyncClient, node: ScriptedNode) -> None:
    unknown = await client.post("/download/start", json={"model_id": "nobody/knows"})
    assert (unknown.status_code, unknown.json()["error"]["code"]) == (404, "model_not_found")
    nobody = await client.post("/download/start", json={"model_id": "known", "node_ids": ["nobody"]})
    assert (nobody.status_code, nobody.json()["error"]["code"]) == (404, "node_not_found")
    node.record(WISH)
    needed = await client.post("/download/cancel", json={"model_id": "known"})
    assert (needed.status_code, needed.json()["error"]["code"]) == (409, "download_refused")


async def test_downloads_on_their_way(client: httpx.AsyncClient, node: ScriptedNode) -> None:
    node.record(DownloadFinished(node_id=node.node_id, model_id=ModelId("known"), revision="1"))
    running = DownloadTelemetry(
        model_id=ModelId("other"), revision="2", status="downloading", done=5, total=10, bytes_per_s=2.5
    )
    stale = DownloadTelemetry(model_id=ModelId("known"), revision="1", status="failed", detail="long ago")
    node.measure(Telemetry(nodes={node.node_id: measured(node, running, stale)}))
    finished, other = (await client.get("/downloads")).json()
    assert (finished["model_id"], finished["status"]) == ("known", "finished")
    told = {"model_id": "other", "status": "downloading", "done": 5, "total": 10, "bytes_per_s": 2.5, "detail": ""}
    assert told.items() <= other.items()


def measured(node: ScriptedNode, *downloads: DownloadTelemetry) -> NodeTelemetry:
    return NodeTelemetry(
        node_id=node.node_id,
        boot=node.boot,
        sequence=1,
        version="1",
        name="A",
        memory_total=0,
        memory_free=0,
        memory_for_models=0,
        downloads=downloads,
    )


async def test_events_from_an_index_on_and_then_live(client: httpx.AsyncClient, node: ScriptedNode) -> None:
    last = node.log.length
    async with client.stream("GET", f"/events?after={last - 1}") as response, asyncio.timeout(5):
        lines = response.aiter_lines()
        assert await anext(lines) == f"id: {last}"
        assert await anext(lines) == "event: entry"
        entry = json.loads((await anext(lines))[6:])
        assert (entry["index"], entry["chain"]) == (last, node.log.hash)
        assert entry["event"]["type"] == "model_added"
        assert entry["id"]["kind"] == "fact"
        await anext(lines)
        index = node.record(WISH)
        assert await anext(lines) == f"id: {index}"


async def test_events_resume_where_a_client_was(client: httpx.AsyncClient, node: ScriptedNode) -> None:
    headers = {"Last-Event-ID": str(node.log.length - 2)}
    async with client.stream("GET", "/events", headers=headers) as response, asyncio.timeout(5):
        assert await anext(response.aiter_lines()) == f"id: {node.log.length - 1}"


async def test_events_that_cannot_be_read(client: httpx.AsyncClient, node: ScriptedNode) -> None:
    async def broken(after: int, chain: bytes | None = None) -> AsyncGenerator[LogItem]:
        message = f"entry {after + 10} cannot be read {chain or ''}"
        raise LogError(message)
        yield

    node.events = broken
    response = await client.get("/events")
    assert "event: error" in response.text
    assert "cannot be read" in response.text


async def test_a_client_of_another_history_is_told_so_first(client: httpx.AsyncClient, node: ScriptedNode) -> None:
    length, ours, theirs = node.log.length, node.log.hash, "ab" * 32
    async with client.stream("GET", f"/events?after={length}&chain={theirs}") as response, asyncio.timeout(5):
        lines = response.aiter_lines()
        assert [await anext(lines) for _ in range(3)] == ["id: 0", "event: rollback", 'data: {"to": 0}']
        await anext(lines)
        assert await anext(lines) == "id: 1"
    async with client.stream("GET", f"/events?after={length}&chain={ours}") as response, asyncio.timeout(5):
        index = node.record(WISH)
        assert await anext(response.aiter_lines()) == f"id: {index}", "nothing but what is new"
    refused = await client.get("/events?after=1&chain=xyz")
    assert (refused.status_code, refused.json()["error"]["code"]) == (400, "invalid_value")


async def test_a_reconnecting_client_goes_on_where_it_was(client: httpx.AsyncClient, node: ScriptedNode) -> None:
    """Its query still says where it began."""
    headers = {"Last-Event-ID": str(node.log.length - 1)}
    async with client.stream("GET", "/events?after=1", headers=headers) as response, asyncio.timeout(5):
        assert await anext(response.aiter_lines()) == f"id: {node.log.length}"


async def test_rollbacks_and_snapshots_are_events_of_their_own(client: httpx.AsyncClient, node: ScriptedNode) -> None:
    async def told(after: int, chain: bytes | None = None) -> AsyncGenerator[LogItem]:
        assert (after, chain) == (0, None)
        yield SummedUp(index=3000)
        yield RolledBack(to=2990)

    node.events = told
    response = await client.get("/events")
    assert response.text == (
        'id: 3000\nevent: snapshot\ndata: {"index": 3000}\n\nid: 2990\nevent: rollback\ndata: {"to": 2990}\n\n'
    )
