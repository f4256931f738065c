"""The real server in front of a scripted node of a cluster of two."""

from __future__ import annotations

from collections.abc import AsyncGenerator

import httpx
import pytest

import exo_api_cluster.plugin
import exo_api_openai.plugin
import exo_http.plugin
from exo_core.cards import Card, Ends
from exo_core.identifiers import BootId, InstanceId, ModelId, NodeId, PlacementId, RunnerId
from exo_core.manifests import Manifest
from exo_core.placement import DoesNotFit, LinkMeasure, Placement, PlacementRequest, Preview, Shard
from exo_core.plugins.manager import Plugins
from exo_core.state.events import InstancePlaced, ModelAdded, NodeFactsGathered, NodeJoined, NodeStarted
from exo_core.state.state import Model
from exo_core.telemetry import NodeTelemetry, RunnerTelemetry, Telemetry
from exo_http.testing.scripted_node import ScriptedNode
from exo_http.testing.scripts import saying
from exo_http.testing.serving import serving_at

OTHER = NodeId("b" * 26)


def a_model(name: str, layers: int = 4) -> Model:
    """A model that may be cut anywhere but before layer 1."""
    model_id = ModelId(name)
    card = Card(
        model_id=model_id,
        architecture="llama",
        backends=("echo",),
        layers=layers,
        layer_bytes=(100,) * layers,
        ends=Ends(first_bytes=10, last_bytes=10),
        kv_bytes_per_token=(1,) * layers,
        state_bytes=(0,) * layers,
        cut_points=tuple(range(2, layers)),
        activation_bytes=8,
        context=128,
        dtype="float32",
    )
    return Model(manifest=Manifest(model_id=model_id, source="test", revision="1", files=()), card=card)


def a_placement(first: NodeId, second: NodeId) -> Placement:
    """Layers 0 and 1 on one node, 2 and 3 on the other."""
    shards = tuple(
        Shard(
            runner_id=RunnerId(f"r{stage}"),
            node_id=on,
            stage=stage,
            stages=2,
            start_layer=2 * stage,
            end_layer=2 * stage + 2,
        )
        for stage, on in enumerate((first, second))
    )
    return Placement(placement_id=PlacementId("p"), parallel="pipeline", backend="echo", shards=shards)


def join(node: ScriptedNode, node_id: NodeId, name: str) -> None:
    """Let a machine become a member that can compute."""
    node.record(NodeJoined(node_id=node_id, name=name))
    node.record(NodeStarted(node_id=node_id, boot=BootId(1), name=name, version="0.1.0"))
    node.record(
        NodeFactsGathered(
            node_id=node_id, memory_total=1000, backends=("echo",), transports=("tcp",), facts={"machine": {"cpus": 2}}
        )
    )


def measure(node: ScriptedNode, *runners: RunnerTelemetry) -> None:
    """Let both nodes report, the first with these runners; each reports the link between them."""

    def of(node_id: NodeId, name: str, link: LinkMeasure, mine: tuple[RunnerTelemetry, ...]) -> NodeTelemetry:
        peer = OTHER if node_id == node.node_id else node.node_id
        return NodeTelemetry(
            node_id=node_id,
            boot=BootId(1),
            sequence=1,
            version="0.1.1",
            name=name,
            memory_total=1000,
            memory_free=600,
            memory_for_models=500,
            log_length=7,
            log_hash="0123456789abcdef",
            term=1,
            trouble="the disk is full" if node_id == OTHER else "",
            runners=mine,
            links=(link,),
            addresses={peer: "tcp://10.0.0.2:52416"},
        )

    unmeasured = LinkMeasure(a=OTHER, b=node.node_id, transport="tcp")
    measured = LinkMeasure(a=node.node_id, b=OTHER, transport="tcp", round_trip_ms=0.4)
    nodes = {OTHER: of(OTHER, "two", unmeasured, ()), node.node_id: of(node.node_id, "one", measured, runners)}
    node.measure(Telemetry(nodes=nodes, last_seen_s={OTHER: 0.25}))


@pytest.fixture
def node() -> ScriptedNode:
    """Two machines, the models `known` (in the catalogue) and `resolvable`, nothing placed."""
    surfaces = {"http": exo_http.plugin, "cluster": exo_api_cluster.plugin, "openai": exo_api_openai.plugin}
    plugins = Plugins(built_in=surfaces, points=())
    made = ScriptedNode(scripts={"known": saying("x")}, plugins=plugins)
    join(made, made.node_id, "one")
    join(made, OTHER, "two")
    known = a_model("known")
    made.record(ModelAdded(manifest=known.manifest, card=known.card))
    made.resolvable = {ModelId("resolvable"): a_model("resolvable")}
    wish = PlacementRequest(instance_id=InstanceId("preview"), model_id=ModelId("known"))
    made.previewed = {
        ModelId("known"): (
            Preview(request=wish, outcome=DoesNotFit(reason="needs 420 bytes, one has 300")),
            Preview(request=wish, outcome=a_placement(made.node_id, OTHER), memory_bytes={OTHER: 210}),
        )
    }
    return made


@pytest.fixture
async def client(node: ScriptedNode) -> AsyncGenerator[httpx.AsyncClient]:
    """A client of the node."""
    async with serving_at(node) as url, httpx.AsyncClient(base_url=url, trust_env=False, timeout=10) as opened:
        yield opened


class Cluster:
    """What tests do to the cluster besides asking it."""

    other = OTHER

    def __init__(self, node: ScriptedNode) -> None:
        self.node = node

    def place(self, instance_id: str) -> Placement:
        """Let the master have placed an instance, over both machines."""
        placement = a_placement(self.node.node_id, OTHER)
        self.node.record(InstancePlaced(instance_id=InstanceId(instance_id), placement=placement))
        return placement

    def measure(self, *runners: RunnerTelemetry) -> None:
        """Let telemetry arrive."""
        measure(self.node, *runners)


@pytest.fixture
def cluster(node: ScriptedNode) -> Cluster:
    """See `Cluster`."""
    return Cluster(node)
