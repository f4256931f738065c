"""`GET /metrics`: what is observed and what is known comes out in the text format of Prometheus."""

from __future__ import annotations

from collections.abc import AsyncGenerator

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families

import exo_http.plugin
import exo_metrics.plugin
from exo_core.identifiers import BootId, InstanceId, ModelId, NodeId, PlacementId, RunnerId
from exo_core.node_handle import HeadLoad, LinkBytes
from exo_core.observations import GAP_BOUNDS_S, Observation
from exo_core.placement import LinkMeasure, Placement, PlacementRequest, Shard
from exo_core.plugins.manager import Plugins
from exo_core.state.events import InstancePlaced, InstanceRequested, NodeDead, NodeJoined
from exo_core.telemetry import NodeTelemetry, Telemetry
from exo_http.testing.scripted_node import ScriptedNode
from exo_http.testing.serving import serving_at
from exo_metrics.histogram import Histogram

OTHER = NodeId("b" * 26)


@pytest.fixture
def node() -> ScriptedNode:
    """One machine, which counts."""
    surfaces = {"http": exo_http.plugin, "metrics": exo_metrics.plugin}
    return ScriptedNode(plugins=Plugins(built_in=surfaces, points=()))


@pytest.fixture
async def client(node: ScriptedNode) -> AsyncGenerator[httpx.AsyncClient]:
    """A client of it."""
    async with serving_at(node) as url, httpx.AsyncClient(base_url=url, trust_env=False) as opened:
        yield opened


async def samples(client: httpx.AsyncClient) -> dict[str, float]:
    """Each sample by its name and labels, as Prometheus reads them."""
    response = await client.get("/metrics")
    assert response.headers["content-type"].startswith("text/plain; version=")
    found: dict[str, float] = {}
    for family in text_string_to_metric_families(response.text):
        for sample in family.samples:
            labels = ",".join(f"{name}={value}" for name, value in sorted(sample.labels.items()))
            found[f"{sample.name}{{{labels}}}" if labels else sample.name] = sample.value
    return found


def observe_a_request(node: ScriptedNode, subject: str, *, detail: str = "") -> None:
    """One request with three tokens: the first after 0.3 s, then gaps of 0.04 s and 3 s."""
    gaps = [0] * (len(GAP_BOUNDS_S) + 1)
    gaps[4] += 1
    gaps[12] += 1
    tell = node.plugins.observe
    tell(Observation(kind="request_started", subject=subject))
    tell(Observation(kind="request_first_token", subject=subject, seconds=0.3))
    tell(
        Observation(
            kind="request_finished",
            subject=subject,
            seconds=3.34,
            count=3,
            detail=detail,
            prompt_tokens=10,
            cached_tokens=4,
            gap_counts=tuple(gaps),
            gap_seconds=3.04,
        )
    )


async def test_requests(client: httpx.AsyncClient, node: ScriptedNode) -> None:
    observe_a_request(node, "one")
    observe_a_request(node, "two", detail="instance_lost")
    node.plugins.observe(Observation(kind="request_started", subject="three"))
    node.plugins.observe(Observation(kind="request_started", subject="four"))
    node.plugins.observe(Observation(kind="request_first_token", subject="four", seconds=100))
    node.plugins.observe(Observation(kind="request_replayed", subject="four", detail="stalled"))
    found = await samples(client)
    assert (found["exo_requests_total{error=}"], found["exo_requests_total{error=instance_lost}"]) == (1, 1)
    assert (found["exo_requests_open"], found["exo_requests_waiting"]) == (2, 1)
    assert found["exo_requests_replayed_total{cause=stalled}"] == 1
    assert [found[f"exo_tokens_total{{kind={kind}}}"] for kind in ("prompt", "cached", "generated")] == [20, 8, 6]
    first = "exo_time_to_first_token_seconds"
    assert (found[f"{first}_bucket{{le=0.2}}"], found[f"{first}_bucket{{le=0.35}}"]) == (0, 2)
    assert (found[f"{first}_bucket{{le=60.0}}"], found[f"{first}_bucket{{le=+Inf}}"]) == (2, 3)
    assert (found[f"{first}_count"], found[f"{first}_sum"]) == (3, pytest.approx(100.6))
    gap = "exo_inter_token_seconds"
    assert (found[f"{gap}_bucket{{le=0.03}}"], found[f"{gap}_bucket{{le=0.05}}"]) == (0, 2)
    assert (found[f"{gap}_bucket{{le=2.5}}"], found[f"{gap}_bucket{{le=10.0}}"]) == (2, 4)
    assert found[f"{gap}_sum"] == pytest.approx(6.08)


async def test_the_cluster_and_the_machine(client: httpx.AsyncClient, node: ScriptedNode) -> None:
    node.record(NodeJoined(node_id=node.node_id, name="one"))
    node.record(NodeJoined(node_id=OTHER, name="two"))
    node.record(NodeDead(node_id=OTHER))
    link = LinkMeasure(a=OTHER, b=node.node_id, transport="tcp", round_trip_ms=0.5, bytes_per_s=1e9)
    here = telemetry(node.node_id, log_length=3, links=(link,))
    node.measure(Telemetry(nodes={node.node_id: here, OTHER: telemetry(OTHER, log_length=10, links=(link,))}))
    node.plugins.observe(Observation(kind="link_down", subject=OTHER))
    for master in (OTHER, "", node.node_id):
        node.plugins.observe(Observation(kind="master_changed", subject=master))
    node.link_bytes = {OTHER: LinkBytes(sent=12, received=34)}
    found = await samples(client)
    assert found[f"exo_node{{cluster_id={node.cluster_id},node_id={node.node_id},version=0.1.0}}"] == 1
    assert (found["exo_epoch_term"], found["exo_is_master"], found["exo_has_master"]) == (1, 1, 1)
    assert (found["exo_log_length"], found["exo_log_lag"]) == (3, 7)
    assert (found["exo_members{alive=true}"], found["exo_members{alive=false}"]) == (1, 1)
    assert found["exo_memory_bytes{kind=free}"] == 600
    assert found[f"exo_link_round_trip_seconds{{peer={OTHER},transport=tcp}}"] == pytest.approx(0.0005)
    assert found["exo_events_total{kind=link_down}"] == 1
    assert found["exo_elections_total"] == 2
    assert found[f"exo_link_sent_bytes_total{{peer={OTHER}}}"] == 12
    assert found[f"exo_link_received_bytes_total{{peer={OTHER}}}"] == 34


async def test_what_heads_here_are_asked_is_told_by_model(client: httpx.AsyncClient, node: ScriptedNode) -> None:
    """Of two replicas together; a runner that was removed meanwhile has no model."""
    for name in ("r1", "r2"):
        shard = Shard(runner_id=RunnerId(name), node_id=node.node_id, stage=0, stages=1, start_layer=0, end_layer=2)
        placement = Placement(placement_id=PlacementId(name), parallel="pipeline", backend="echo", shards=(shard,))
        wish = PlacementRequest(instance_id=InstanceId(name), model_id=ModelId("words"))
        node.record(InstanceRequested(request=wish))
        node.record(InstancePlaced(instance_id=wish.instance_id, placement=placement))
    node.head_loads = {
        RunnerId("r1"): HeadLoad(waiting=3, answering=8),
        RunnerId("r2"): HeadLoad(waiting=0, answering=2),
        RunnerId("gone"): HeadLoad(waiting=0, answering=1),
    }
    found = await samples(client)
    heads = {name: value for name, value in found.items() if name.startswith("exo_head_requests{")}
    assert heads == {
        "exo_head_requests{model_id=words,phase=waiting}": 3,
        "exo_head_requests{model_id=words,phase=answering}": 10,
        "exo_head_requests{model_id=,phase=waiting}": 0,
        "exo_head_requests{model_id=,phase=answering}": 1,
    }


def telemetry(node_id: NodeId, *, log_length: int, links: tuple[LinkMeasure, ...]) -> NodeTelemetry:
    """What a node tells."""
    return NodeTelemetry(
        node_id=node_id,
        boot=BootId(1),
        sequence=1,
        version="0.1.0",
        name="n",
        memory_total=1000,
        memory_free=600,
        memory_for_models=500,
        log_length=log_length,
        links=links,
    )


async def test_what_is_counted_is_this_nodes_alone(client: httpx.AsyncClient, node: ScriptedNode) -> None:
    other = ScriptedNode(plugins=Plugins(built_in={"http": exo_http.plugin, "metrics": exo_metrics.plugin}, points=()))
    async with serving_at(other):
        observe_a_request(other, "one")
    assert (await samples(client))["exo_tokens_total{kind=generated}"] == 0


def test_a_value_on_a_bound_is_below_it() -> None:
    histogram = Histogram((1, 2))
    for value in (1, 1.5, 2, 3):
        histogram.add(value)
    assert histogram.buckets() == [("1.0", 1), ("2.0", 3), ("+Inf", 4)]
    assert histogram.total == 7.5
