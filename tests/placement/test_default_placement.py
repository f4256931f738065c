"""The default placement: sound on everything, even, small, and clear about why not."""

from __future__ import annotations

import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from exo_core.cards import Card, Ends
from exo_core.identifiers import InstanceId, NodeId, PlacementId
from exo_core.placement import DoesNotFit, LinkMeasure, Placement, Topology
from exo_core.placement_rules.default import place
from exo_core.placement_rules.memory_needs import range_bytes, reserved_on, reserved_tokens
from exo_core.placement_rules.previews import previews
from exo_core.state.apply import apply_all
from exo_core.state.events import InstancePlaced, InstanceRequested
from exo_core.state.state import State
from exo_core.testing.models import model_with_layers
from exo_core.testing.placement_conformance import (
    MODEL,
    Place,
    PlacementConformance,
    check,
    request,
    state_of,
    topology,
)

MB = 10**6


class TestDefaultPlacement(PlacementConformance):
    @pytest.fixture
    def place(self) -> Place:
        return place


@st.composite
def cards(draw: st.DrawFn) -> Card:
    layers = draw(st.integers(1, 20))
    sizes = st.integers(0, 50)
    plain = model_with_layers(MODEL, layers)[1]
    cuts = draw(st.sets(st.integers(1, max(1, layers - 1)), max_size=layers)) if layers > 1 else set[int]()
    return plain.model_copy(
        update={
            "layer_bytes": tuple(draw(st.lists(sizes, min_size=layers, max_size=layers))),
            "kv_bytes_per_token": tuple(draw(st.lists(st.integers(0, 3), min_size=layers, max_size=layers))),
            "state_bytes": tuple(draw(st.lists(st.integers(0, 9), min_size=layers, max_size=layers))),
            "ends": Ends(first_bytes=draw(sizes), last_bytes=draw(sizes)),
            "cut_points": tuple(sorted(cuts)),
            "context": draw(st.integers(0, 20)),
        }
    )


@settings(max_examples=300, deadline=None)
@given(cards(), st.lists(st.integers(0, 600), min_size=1, max_size=6), st.integers(0, 4))
def test_whatever_is_placed_is_sound_and_on_enough_nodes(card: Card, memory: list[int], min_nodes: int) -> None:
    given_ = topology(*memory)
    outcome = place(request(min_nodes=min_nodes), given_, state_of(card, len(memory)))
    if isinstance(outcome, Placement):
        check(outcome, card, given_)
        assert len(outcome.shards) >= min_nodes
    else:
        whole = range_bytes(card, 0, card.layers, reserved_tokens(card)[-1])
        fits_on_one = max(memory) >= whole
        assert not fits_on_one or min_nodes > 1


@settings(max_examples=100, deadline=None)
@given(cards(), st.integers(1, 5), st.integers(1, 5))
def test_plenty_of_memory_always_suffices_down_to_the_permitted_cuts(card: Card, nodes: int, min_nodes: int) -> None:
    outcome = place(request(min_nodes=min_nodes), topology(*[10**6] * nodes), state_of(card, nodes))
    possible = min_nodes <= nodes and min_nodes <= len(card.cut_points) + 1
    assert isinstance(outcome, Placement) == possible
    if isinstance(outcome, Placement):
        assert len(outcome.shards) == min_nodes


def layers_by_node(placement: object) -> dict[str, int]:
    assert isinstance(placement, Placement), placement
    return {shard.node_id: shard.end_layer - shard.start_layer for shard in placement.shards}


def test_layers_go_in_proportion_to_free_memory() -> None:
    card = model_with_layers(MODEL, 24, end_bytes=0, kv_bytes_per_token=0)[1]
    placement = place(request(min_nodes=2), topology(16 * MB, 8 * MB), state_of(card, 2))
    assert layers_by_node(placement) == {"n0": 16, "n1": 8}


def test_a_heavy_embedding_and_head_leave_fewer_layers_to_the_ends() -> None:
    card = model_with_layers(MODEL, 12, end_bytes=3 * MB, kv_bytes_per_token=0)[1]
    placement = place(request(min_nodes=3), topology(99 * MB, 99 * MB, 99 * MB), state_of(card, 3))
    assert isinstance(placement, Placement)
    assert [shard.end_layer - shard.start_layer for shard in placement.shards] == [3, 6, 3]


def test_the_smallest_number_of_nodes_is_used() -> None:
    card = model_with_layers(MODEL, 8)[1]
    assert layers_by_node(place(request(), topology(5 * MB, 99 * MB, 5 * MB), state_of(card, 3))) == {"n1": 8}


def test_stages_are_lined_up_along_the_best_links() -> None:
    card = model_with_layers(MODEL, 9)[1]
    fast = [("n0", "n2"), ("n2", "n1")]
    links = tuple(
        LinkMeasure(
            a=NodeId(a), b=NodeId(b), transport="tcp", round_trip_ms=0.1 if (a, b) in fast else 9.0, bytes_per_s=1e9
        )
        for a, b in [*fast, ("n0", "n1")]
    )
    nodes = topology(60 * MB, 50 * MB, 40 * MB)
    placement = place(request(min_nodes=3), Topology(nodes=nodes.nodes, links=links), state_of(card, 3))
    assert isinstance(placement, Placement)
    assert [shard.node_id for shard in placement.shards] == ["n0", "n2", "n1"]


def test_a_refusal_has_numbers() -> None:
    card = model_with_layers(MODEL, 40, layer_bytes=10**9, kv_bytes_per_token=1000, end_bytes=0)[1]
    refusal = place(request(), topology(16 * 10**9, 8 * 10**9), state_of(card, 2))
    assert isinstance(refusal, DoesNotFit)
    assert refusal.reason == (
        "m needs 40.1 GB (40.0 GB of weights, the rest for 2048 tokens of context); "
        "the 2 machines have 16.0 GB + 8.0 GB free for models"
    )


def test_less_context_is_reserved_where_the_model_fits_in_no_other_way() -> None:
    card = model_with_layers(MODEL, 8, end_bytes=0, kv_bytes_per_token=1000, context=100_000)[1]
    weights, per_token = 8 * MB, 8000
    reserved = {
        room: placement.kv_tokens if isinstance(placement, Placement) else None
        for room in (8192, 8191, 4096, 2048, 2047)
        for placement in [place(request(), topology(weights + room * per_token), state_of(card, 1))]
    }
    assert reserved == {8192: 8192, 8191: 4096, 4096: 4096, 2048: 2048, 2047: None}


def test_a_preview_counts_what_is_reserved() -> None:
    card = model_with_layers(MODEL, 8, end_bytes=0, kv_bytes_per_token=1000, context=100_000)[1]
    shown = previews(MODEL, topology(9 * MB + 4096 * 8000), state_of(card, 1), place)[0]
    assert isinstance(shown.outcome, Placement)
    assert shown.outcome.kv_tokens == 4096
    assert shown.memory_bytes == {"n0": 8 * MB + 4096 * 8000}


def test_a_refusal_for_lack_of_cuts_gives_the_cards_reason() -> None:
    card = model_with_layers(MODEL, 8, cut_points=(), forbidden_because="layers share their caches")[1]
    too_big = place(request(), topology(6 * MB, 6 * MB), state_of(card, 2))
    spread = place(request(min_nodes=2), topology(99 * MB, 99 * MB), state_of(card, 2))
    for refusal in (too_big, spread):
        assert isinstance(refusal, DoesNotFit)
        assert "layers share their caches" in refusal.reason


def placed_state(card: Card, placement: Placement, nodes: int) -> State:
    wish = request(min_nodes=len(placement.shards))
    placed = placement.model_copy(update={"placement_id": PlacementId("p1")})
    return apply_all(
        state_of(card, nodes),
        [InstanceRequested(request=wish), InstancePlaced(instance_id=InstanceId("i"), placement=placed)],
    )


def test_after_a_loss_only_the_lost_shard_moves() -> None:
    card = model_with_layers(MODEL, 8)[1]
    before = place(request(min_nodes=2), topology(6 * MB, 6 * MB), state_of(card, 3))
    assert isinstance(before, Placement)
    state = placed_state(card, before, 3)
    used = {node.node_id: node.memory_for_models - reserved_on(state, node.node_id) for node in topology(6 * MB).nodes}
    survivors = topology(used[NodeId("n0")], 0, 6 * MB)
    survivors = survivors.model_copy(update={"nodes": (survivors.nodes[0], survivors.nodes[2])})
    after = place(request(min_nodes=2), survivors, state)
    assert isinstance(after, Placement)
    assert after.shards[0] == before.shards[0]
    assert [shard.node_id for shard in after.shards] == ["n0", "n2"]
    assert [shard.end_layer for shard in after.shards] == [shard.end_layer for shard in before.shards]


def test_an_exact_placement_is_taken_as_it_is_or_refused_with_every_fault() -> None:
    card = model_with_layers(MODEL, 8, cut_points=(4,), forbidden_because="shared caches")[1]
    given_ = topology(99 * MB, 99 * MB)
    chosen = place(request(min_nodes=2), given_, state_of(card, 2))
    assert isinstance(chosen, Placement)
    assert place(request(placement=chosen), given_, state_of(card, 2)) == chosen
    first, second = chosen.shards
    shards = (first.model_copy(update={"end_layer": 5}), second.model_copy(update={"start_layer": 5}))
    wrong = chosen.model_copy(update={"shards": shards, "backend": "other"})
    refusal = place(request(placement=wrong), topology(MB, 99 * MB), state_of(card, 2))
    assert isinstance(refusal, DoesNotFit)
    for fault in ("before layer 5 (shared caches)", "backend other", "machine 0 has 1.0 MB free"):
        assert fault in refusal.reason


def test_a_model_whose_files_lie_on_one_node_goes_there() -> None:
    card = model_with_layers(MODEL, 8)[1]
    state = state_of(card, 2)
    model = state.models[MODEL]
    manifest = model.manifest.model_copy(update={"node_id": "n1"})
    state = state.model_copy(update={"models": {MODEL: model.model_copy(update={"manifest": manifest})}})
    assert layers_by_node(place(request(), topology(99 * MB, 50 * MB), state)) == {"n1": 8}
    assert isinstance(place(request(min_nodes=2), topology(99 * MB, 50 * MB), state), DoesNotFit)


def test_previews_show_every_number_of_machines_once() -> None:
    card = model_with_layers(MODEL, 8, cut_points=(2, 5))[1]
    shown = previews(MODEL, topology(99 * MB, 98 * MB, 97 * MB, 96 * MB), state_of(card, 4), place)
    sizes = [len(item.outcome.shards) if isinstance(item.outcome, Placement) else 0 for item in shown]
    assert sizes == [1, 2, 3, 0]
    assert sum(shown[1].memory_bytes.values()) >= card.weight_bytes


@pytest.mark.parametrize("memory", [3 * 10**9, 10**8], ids=["fits", "does not fit"])
def test_64_nodes_take_no_time(memory: int) -> None:
    card = model_with_layers(MODEL, 126, layer_bytes=10**9)[1]
    began = time.process_time()
    place(request(), topology(*[memory + number for number in range(64)]), state_of(card, 64))
    assert time.process_time() - began < 1.0
