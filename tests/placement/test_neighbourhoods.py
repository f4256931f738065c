"""A model is cut over slow links only where it fits in no other way, and over as few as possible."""

from __future__ import annotations

import random
import time
from collections.abc import Mapping, Sequence
from itertools import combinations, pairwise

from hypothesis import given, settings
from hypothesis import strategies as st

from exo_core.identifiers import NodeId
from exo_core.placement import DoesNotFit, LinkMeasure, NodeResources, Placement, Topology
from exo_core.placement_rules.default import place
from exo_core.placement_rules.link_costs import link_costs
from exo_core.placement_rules.neighbourhoods import neighbourhoods
from exo_core.placement_rules.stage_order import chain_by_links
from exo_core.testing.models import model_with_layers
from exo_core.testing.placement_conformance import MODEL, request, state_of, topology

QUICK_MS, SLOW_MS = 0.5, 30.0
LAYERS = 60
Houses = Sequence[Sequence[int]]
"""The memory of each machine, house by house; a layer takes 1."""


def house_of(houses: Houses) -> Mapping[NodeId, int]:
    numbers = [number for number, machines in enumerate(houses) for _ in machines]
    return {NodeId(f"n{at}"): number for at, number in enumerate(numbers)}


def spread_out(houses: Houses) -> Topology:
    """All of them, with quick links within a house and slow ones between."""
    of = house_of(houses)
    links = [link(a, b, QUICK_MS if of[a] == of[b] else SLOW_MS) for a, b in combinations(of, 2)]
    return topology(*[memory for machines in houses for memory in machines]).model_copy(update={"links": tuple(links)})


def link(a: NodeId, b: NodeId, round_trip_ms: float, transport: str = "tcp") -> LinkMeasure:
    return LinkMeasure(a=a, b=b, transport=transport, round_trip_ms=round_trip_ms)


def placed(layers: int, houses: Houses, min_nodes: int = 1) -> list[NodeId] | None:
    """The machines in the order of their stages; None: it has no place."""
    card = model_with_layers(MODEL, layers, layer_bytes=1, end_bytes=0, kv_bytes_per_token=0)[1]
    given_ = spread_out(houses)
    outcome = place(request(min_nodes=min_nodes), given_, state_of(card, len(given_.nodes)))
    return [shard.node_id for shard in outcome.shards] if isinstance(outcome, Placement) else None


def test_a_machine_next_door_is_taken_before_a_larger_one_far_away() -> None:
    assert placed(18, [[15], [10, 10, 10]]) == ["n1", "n2"]


def test_three_machines_in_one_house_are_better_than_two_in_two() -> None:
    assert placed(16, [[12], [6, 6, 6]]) == ["n1", "n2", "n3"]


def test_one_machine_that_holds_it_all_is_best_wherever_it_is() -> None:
    assert placed(16, [[16], [20, 20]]) == ["n1"]
    assert placed(30, [[30], [20, 20]]) == ["n0"]


def test_what_fits_in_no_house_crosses_from_one_to_the_other_once() -> None:
    stages = placed(36, [[10, 10], [9, 9]])
    assert stages == ["n0", "n1", "n2", "n3"]
    assert placed(39, [[10, 10], [9, 9]]) is None


def test_as_many_machines_as_are_asked_for_if_need_be_from_elsewhere() -> None:
    assert placed(4, [[9, 8], [7]], min_nodes=2) == ["n0", "n1"]
    assert placed(4, [[9, 8], [7]], min_nodes=3) == ["n0", "n1", "n2"]


@settings(max_examples=150, deadline=None)
@given(
    st.lists(st.lists(st.integers(1, 40), min_size=1, max_size=3), min_size=1, max_size=4), st.integers(1, 3), st.data()
)
def test_no_choice_of_houses_would_need_fewer_slow_links(houses: Houses, min_nodes: int, data: st.DataObject) -> None:
    layers = data.draw(st.integers(max(4, min_nodes), LAYERS))
    of = house_of(houses)
    enough = [
        number
        for number in range(1, len(houses) + 1)
        for chosen in combinations(houses, number)
        if sum(map(sum, chosen)) >= layers and sum(map(len, chosen)) >= min_nodes
    ]
    stages = placed(layers, houses, min_nodes)
    assert (stages is not None) == bool(enough)
    if stages is not None and min_nodes == 1:
        slow = sum(of[a] != of[b] for a, b in pairwise(stages))
        assert slow == min(enough) - 1


@given(st.randoms(use_true_random=False))
def test_the_order_in_which_machines_are_told_decides_nothing(chance: random.Random) -> None:
    told = spread_out([[10, 10], [10], [10, 10, 10]])
    nodes, links = list(told.nodes), list(told.links)
    chance.shuffle(nodes)
    chance.shuffle(links)
    names = [[node.node_id for node in group] for group in neighbourhoods(nodes, links)]
    assert names == [["n3", "n4", "n5"], ["n0", "n1"], ["n2"]]


def test_a_machine_without_links_is_nobodys_neighbour_as_long_as_others_have_some() -> None:
    nodes = topology(9, 9, 9).nodes
    assert [len(group) for group in neighbourhoods(nodes, ())] == [3]
    assert [len(group) for group in neighbourhoods(nodes, [link(nodes[0].node_id, nodes[2].node_id, 1.0)])] == [2, 1]


def test_of_several_links_the_best_counts() -> None:
    a, b, c = (node.node_id for node in topology(1, 1, 1).nodes)
    links = [link(a, b, 1.0), link(b, a, SLOW_MS, "other"), link(a, c, 2.0)]
    costs = link_costs(links)
    assert costs[a, b] == costs[b, a] < costs[a, c]
    assert [node.node_id for node in chain_by_links(topology(3, 1, 2).nodes, links)] == [a, b, c]


def test_64_machines_in_64_houses_take_no_time() -> None:
    nodes: Sequence[NodeResources] = topology(*range(64)).nodes
    links = [link(a.node_id, b.node_id, SLOW_MS) for a, b in combinations(nodes, 2)]
    card = model_with_layers(MODEL, 126, layer_bytes=30, kv_bytes_per_token=0)[1]
    began = time.process_time()
    outcome = place(request(), Topology(nodes=tuple(nodes), links=tuple(links)), state_of(card, 64))
    assert isinstance(outcome, DoesNotFit)
    assert time.process_time() - began < 1.0
