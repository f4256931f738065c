"""Where half-precision and quantized weights are widened: where that is faster, and only if it fits."""

from __future__ import annotations

import pytest

from exo_core.backends import BackendFacts
from exo_core.cards import Card, Ends, Sizes, WeightKind
from exo_core.frozen import JsonValue
from exo_core.identifiers import BootId, InstanceId, NodeId
from exo_core.placement import NodeResources, Placement, Topology
from exo_core.placement_rules.default import place
from exo_core.placement_rules.memory_needs import cache_bytes, memory_per_node, shard_bytes
from exo_core.placement_rules.previews import previews
from exo_core.placement_rules.told_backends import DeviceMemory, device_memory
from exo_core.placement_rules.topology import topology_of
from exo_core.state.apply import apply_all
from exo_core.state.events import InstancePlaced, InstanceRequested
from exo_core.state.state import Member, State
from exo_core.telemetry import NodeTelemetry, Telemetry
from exo_core.testing.models import model_with_layers
from exo_core.testing.placement_conformance import MODEL, check, request, state_of

MB = 10**6
LAYERS = 8


def card(quantization: str | None = "4-bit", dtype: str = "BF16") -> Card:
    """8 MB as stored and 48 MB in float32, and 100 or 200 bytes of KV a token for 4096 tokens."""
    plain = model_with_layers(MODEL, LAYERS, end_bytes=0, kv_bytes_per_token=100)[1]
    widened = Sizes(
        layer_bytes=(6 * MB,) * LAYERS,
        ends=Ends(first_bytes=0, last_bytes=0),
        kv_bytes_per_token=(200,) * LAYERS,
        state_bytes=(0,) * LAYERS,
        activation_bytes=2048,
    )
    return plain.model_copy(update={"quantization": quantization, "dtype": dtype, "in_float32": widened})


def node(name: str, memory: int, *kinds: WeightKind) -> NodeResources:
    return NodeResources(
        node_id=NodeId(name),
        name=name,
        memory_total=memory,
        memory_for_models=memory,
        backends=("echo",),
        transports=(),
        float32_faster_than={"echo": kinds},
    )


def placed(model: Card, *nodes: NodeResources, min_nodes: int = 1) -> Placement:
    outcome = place(request(min_nodes=min_nodes), Topology(nodes=nodes), state_of(model, len(nodes)))
    assert isinstance(outcome, Placement), outcome
    check(outcome, model, Topology(nodes=nodes))
    return outcome


def types(placement: Placement) -> list[str]:
    return [shard.compute_type for shard in placement.shards]


def test_a_machine_that_is_faster_in_float32_gets_it_where_it_fits() -> None:
    assert types(placed(card(), node("n0", 99 * MB, "half", "quantized"))) == ["float32"]
    assert types(placed(card(), node("n0", 54 * MB, "half", "quantized"))) == ["stored"]
    assert types(placed(card(), node("n0", 99 * MB))) == ["stored"], "a GPU"


@pytest.mark.parametrize(
    ("quantization", "dtype", "kind"), [("4-bit", "BF16", "quantized"), (None, "BF16", "half"), (None, "F16", "half")]
)
def test_only_the_kinds_that_it_is_faster_with(quantization: str | None, dtype: str, kind: WeightKind) -> None:
    other: WeightKind = "half" if kind == "quantized" else "quantized"
    model = card(quantization, dtype)
    assert types(placed(model, node("n0", 99 * MB, kind))) == ["float32"]
    assert types(placed(model, node("n0", 99 * MB, other))) == ["stored"]


def test_what_is_counted_is_what_is_held() -> None:
    placement = placed(card(), node("n0", 99 * MB, "quantized"))
    (shard,) = placement.shards
    assert shard_bytes(card(), placement, shard) == 48 * MB + 4096 * 8 * 200
    assert cache_bytes(card(), placement, shard) == 4096 * 8 * 200
    shown = previews(MODEL, Topology(nodes=(node("n0", 99 * MB, "quantized"),)), state_of(card(), 1), place)
    assert shown[0].memory_bytes == {"n0": 48 * MB + 4096 * 8 * 200}


def test_a_mixed_pipeline_gives_fewer_layers_to_the_machine_that_widens() -> None:
    placement = placed(card(), node("n0", 40 * MB), node("n1", 40 * MB, "quantized"), min_nodes=2)
    layers = {shard.compute_type: shard.end_layer - shard.start_layer for shard in placement.shards}
    assert {shard.node_id: shard.compute_type for shard in placement.shards} == {"n0": "stored", "n1": "float32"}
    assert layers["float32"] < layers["stored"]


def test_one_machine_as_stored_comes_before_two_in_float32() -> None:
    slow = [node(f"n{number}", 40 * MB, "quantized") for number in range(2)]
    assert types(placed(card(), *slow)) == ["stored"]
    assert types(placed(card(), *slow, min_nodes=2)) == ["float32", "float32"]


def test_a_shard_that_moves_is_computed_as_suits_its_new_machine() -> None:
    two = (node("n0", 60 * MB), node("n1", 60 * MB))
    before = placed(card(), *two, min_nodes=2)
    wish = request(min_nodes=2)
    state = apply_all(
        state_of(card(), 3),
        [InstanceRequested(request=wish), InstancePlaced(instance_id=InstanceId("i"), placement=before)],
    )
    lost = before.shards[1]
    survivor = next(one for one in two if one.node_id == before.shards[0].node_id)
    for room, expected in ((60 * MB, "float32"), (9 * MB, "stored")):
        after = place(wish, Topology(nodes=(survivor, node("n2", room, "quantized"))), state)
        assert isinstance(after, Placement)
        assert after.shards[0] == before.shards[0]
        assert (after.shards[1].node_id, after.shards[1].compute_type) == ("n2", expected)
        assert (after.shards[1].start_layer, after.shards[1].end_layer) == (lost.start_layer, lost.end_layer)
    assert set(memory_per_node(card(), before)) == {"n0", "n1"}


def test_what_a_probe_found_reaches_placement() -> None:
    told = BackendFacts(usable=True, float32_faster_than=("half",)).model_dump(mode="json")
    names: dict[str, JsonValue] = {
        "told": {"echo": told},
        "silent": {},
        "strange": {"echo": {"usable": 7}, "other": 3},
        "wrong": [1],
    }
    members = {
        NodeId(name): Member(node_id=NodeId(name), name=name, backends=("echo",), facts={"backends": facts})
        for name, facts in names.items()
    }
    measured = {node_id: telemetry(node_id) for node_id in members}
    topology = topology_of(State(members=members), Telemetry(nodes=measured), members)
    found = {one.node_id: one.float32_faster_than for one in topology.nodes}
    assert found == {"told": {"echo": ("half",)}, "silent": {}, "strange": {}, "wrong": {}}


def test_the_device_with_most_memory_counts_unless_one_has_no_limit() -> None:
    small, large = (BackendFacts(usable=True, memory_for_models=count) for count in (5, 7))
    unusable, unlimited = BackendFacts(usable=False), BackendFacts(usable=True)
    assert device_memory([small, large, unusable]) == DeviceMemory(7)
    card = BackendFacts(usable=True, memory_for_models=9, memory_is_own=True)
    assert device_memory([card, large]) == DeviceMemory(9, is_own=True)
    assert device_memory([small, unlimited]) is None
    assert device_memory([]) is None


def telemetry(node_id: NodeId) -> NodeTelemetry:
    return NodeTelemetry(
        node_id=node_id,
        boot=BootId(1),
        sequence=1,
        version="0",
        name=node_id,
        memory_total=1,
        memory_free=1,
        memory_for_models=1,
    )
