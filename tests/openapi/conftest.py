"""All surfaces of a node in one server, which runs in a thread of its own."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Generator

import pytest

import exo_api_cluster.plugin
import exo_api_openai.plugin
import exo_http.plugin
import exo_metrics.plugin
from exo_core.cards import Card, Ends
from exo_core.identifiers import InstanceId, ModelId, NodeId, PlacementId, RunnerId
from exo_core.manifests import Manifest
from exo_core.placement import DoesNotFit, Placement, PlacementRequest, Preview, Shard
from exo_core.plugins.manager import Plugins
from exo_core.state.events import InstancePlaced, InstanceRequested, ModelAdded, NodeJoined, NodeStarted, RunnerReady
from exo_core.state.state import Model
from exo_http.testing.scripted_node import ScriptedNode
from exo_http.testing.serving import serving_at
from exo_http.testing.word_engine import word_engine

WORDS = ModelId("words")


def a_model(model_id: ModelId) -> Model:
    """Of two layers."""
    card = Card(
        model_id=model_id,
        architecture="llama",
        backends=("echo",),
        layers=2,
        layer_bytes=(100, 100),
        ends=Ends(first_bytes=10, last_bytes=10),
        kv_bytes_per_token=(1, 1),
        state_bytes=(0, 0),
        cut_points=(1,),
        activation_bytes=8,
        context=128,
        dtype="float32",
    )
    return Model(manifest=Manifest(model_id=model_id, source="test", revision="1", files=()), card=card)


def a_placement(node_id: NodeId) -> Placement:
    """All of it on one node."""
    shard = Shard(runner_id=RunnerId("r"), node_id=node_id, stage=0, stages=1, start_layer=0, end_layer=2)
    return Placement(placement_id=PlacementId("p"), parallel="pipeline", backend="echo", shards=(shard,))


def a_node() -> ScriptedNode:
    """One machine with the model `words`, which is placed and ready, and `resolvable`, which is not added yet."""
    surfaces = {
        "http": exo_http.plugin,
        "openai": exo_api_openai.plugin,
        "cluster": exo_api_cluster.plugin,
        "metrics": exo_metrics.plugin,
    }
    node = ScriptedNode(scripts={WORDS: word_engine}, plugins=Plugins(built_in=surfaces, points=()))
    model, wish = a_model(WORDS), PlacementRequest(instance_id=InstanceId("ready"), model_id=WORDS)
    node.record(NodeJoined(node_id=node.node_id, name="one"))
    node.record(NodeStarted(node_id=node.node_id, boot=node.boot, name="one", version=node.version))
    node.record(ModelAdded(manifest=model.manifest, card=model.card))
    node.record(InstanceRequested(request=wish))
    node.record(InstancePlaced(instance_id=wish.instance_id, placement=a_placement(node.node_id)))
    node.record(
        RunnerReady(runner_id=RunnerId("r"), instance_id=wish.instance_id, node_id=node.node_id, boot=node.boot)
    )
    node.resolvable = {ModelId("resolvable"): a_model(ModelId("resolvable"))}
    previews = (
        Preview(request=wish, outcome=DoesNotFit(reason="needs 420 bytes, one has 300")),
        Preview(request=wish, outcome=a_placement(node.node_id), memory_bytes={node.node_id: 210}),
    )
    node.previewed = {WORDS: previews}
    return node


@pytest.fixture(scope="session")
def url() -> Generator[str]:
    """Where it serves."""
    addresses: list[str] = []
    started, loop, stop = threading.Event(), asyncio.new_event_loop(), asyncio.Event()

    async def serve() -> None:
        async with serving_at(a_node()) as address:
            addresses.append(address)
            started.set()
            await stop.wait()

    thread = threading.Thread(target=loop.run_until_complete, args=(serve(),))
    thread.start()
    assert started.wait(10)
    yield addresses[0]
    loop.call_soon_threadsafe(stop.set)
    thread.join()
    loop.close()
