"""What every placement plugin must do. Subclass it, override `place`, and pytest runs all of it.

class TestMyPlacement(PlacementConformance):
    @pytest.fixture
    def place(self):
        return my_plugin.exo_place_instance
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import pytest

from exo_core.cards import Card
from exo_core.identifiers import InstanceId, ModelId, NodeId
from exo_core.placement import DoesNotFit, NodeResources, Placement, PlacementRequest, Topology
from exo_core.placement_rules.memory_needs import shard_bytes
from exo_core.state.state import Member, Model, State
from exo_core.testing.models import model_with_layers

Place = Callable[[PlacementRequest, Topology, State], Placement | DoesNotFit]
MODEL = ModelId("m")


def topology(*memory: int, backends: tuple[str, ...] = ("echo",)) -> Topology:
    """Nodes n0, n1, … with so many bytes for models."""
    return Topology(
        nodes=tuple(
            NodeResources(
                node_id=NodeId(f"n{number}"),
                name=f"machine {number}",
                memory_total=free,
                memory_for_models=free,
                backends=backends,
                transports=("memory",),
            )
            for number, free in enumerate(memory)
        )
    )


def state_of(card: Card, nodes: int) -> State:
    """A catalogue of one model, and the members n0, n1, …"""
    manifest, _ = model_with_layers(card.model_id, card.layers)
    members = {NodeId(f"n{number}"): f"machine {number}" for number in range(nodes)}
    return State(
        models={card.model_id: Model(manifest=manifest, card=card)},
        members={node_id: Member(node_id=node_id, name=name, backends=("echo",)) for node_id, name in members.items()},
    )


def request(min_nodes: int = 1, nodes: Sequence[str] = (), placement: Placement | None = None) -> PlacementRequest:
    """A wish for the model."""
    return PlacementRequest(
        instance_id=InstanceId("i"),
        model_id=MODEL,
        min_nodes=min_nodes,
        nodes=tuple(map(NodeId, nodes)),
        placement=placement,
    )


def check(placement: Placement, card: Card, given: Topology) -> None:
    """Every layer once, in order, cut only where permitted, on distinct nodes that have the room and the backend."""
    nodes = {node.node_id: node for node in given.nodes}
    borders = [0, *(shard.end_layer for shard in placement.shards)]
    assert [shard.start_layer for shard in placement.shards] == borders[:-1]
    assert borders[-1] == card.layers
    assert set(borders[1:-1]) <= set(card.cut_points)
    assert all(shard.start_layer < shard.end_layer for shard in placement.shards)
    assert [(shard.stage, shard.stages) for shard in placement.shards] == [
        (number, len(placement.shards)) for number in range(len(placement.shards))
    ]
    assert len({shard.node_id for shard in placement.shards}) == len(placement.shards)
    assert len({shard.runner_id for shard in placement.shards}) == len(placement.shards)
    for shard in placement.shards:
        node = nodes[shard.node_id]
        assert placement.backend in node.backends
        assert placement.backend in card.backends
        assert shard_bytes(card, placement, shard) <= node.memory_for_models


class PlacementConformance:
    """The contract of `exo_place_instance`, for plugins that always decide."""

    @pytest.fixture
    def place(self) -> Place:
        """Override: the function that decides."""
        raise NotImplementedError

    def placed(self, place: Place, card: Card, given: Topology, wish: PlacementRequest) -> Placement:
        """A decision that must be a sound placement."""
        outcome = place(wish, given, state_of(card, len(given.nodes)))
        assert isinstance(outcome, Placement), outcome
        check(outcome, card, given)
        return outcome

    def refused(self, place: Place, card: Card, given: Topology, wish: PlacementRequest) -> str:
        """A decision that must be a refusal in words."""
        outcome = place(wish, given, state_of(card, len(given.nodes)))
        assert isinstance(outcome, DoesNotFit), outcome
        assert outcome.reason
        return outcome.reason

    def test_a_small_model_is_placed(self, place: Place) -> None:
        """On one node or several: soundly."""
        self.placed(place, model_with_layers(MODEL, 8)[1], topology(10**9, 10**9), request())

    def test_a_model_that_no_node_holds_is_split(self, place: Place) -> None:
        """8 MB and some over 6 MB and 6 MB."""
        placement = self.placed(place, model_with_layers(MODEL, 8)[1], topology(6 * 10**6, 6 * 10**6), request())
        assert len(placement.shards) == 2

    def test_min_nodes_really_spreads(self, place: Place) -> None:
        """Though one would do."""
        placement = self.placed(place, model_with_layers(MODEL, 8)[1], topology(*[10**9] * 5), request(min_nodes=4))
        assert len(placement.shards) >= 4

    def test_only_named_nodes_are_used(self, place: Place) -> None:
        """By id."""
        wish = request(nodes=("n1",))
        placement = self.placed(place, model_with_layers(MODEL, 8)[1], topology(10**9, 10**9, 10**9), wish)
        assert {shard.node_id for shard in placement.shards} == {"n1"}

    def test_forbidden_cuts_are_respected(self, place: Place) -> None:
        """A model that may be cut in one place only."""
        card = model_with_layers(MODEL, 8, cut_points=(3,))[1]
        assert self.placed(place, card, topology(10**9, 10**9), request(min_nodes=2)).shards[0].end_layer == 3

    def test_what_is_too_large_is_refused(self, place: Place) -> None:
        """In words."""
        self.refused(place, model_with_layers(MODEL, 8)[1], topology(10**6, 10**6), request())

    def test_an_unknown_model_and_an_empty_cluster_are_refused(self, place: Place) -> None:
        """In words."""
        assert isinstance(place(request(), topology(10**9), State()), DoesNotFit)
        self.refused(place, model_with_layers(MODEL, 8)[1], topology(), request())

    def test_a_backend_that_nobody_has_is_refused(self, place: Place) -> None:
        """In words."""
        card = model_with_layers(MODEL, 8, backends=("other",))[1]
        assert "other" in self.refused(place, card, topology(10**9), request())

    def test_the_same_question_has_the_same_answer(self, place: Place) -> None:
        """Pure: nothing but the arguments decides."""
        card = model_with_layers(MODEL, 8)[1]
        given = topology(6 * 10**6, 7 * 10**6, 5 * 10**6)
        assert place(request(), given, state_of(card, 3)) == place(request(), given, state_of(card, 3))
