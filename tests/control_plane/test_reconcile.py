"""What a master concludes from what it sees, and how it names what it concluded."""

from __future__ import annotations

from dataclasses import replace

from exo_core.control_plane.duties import reported_placements
from exo_core.control_plane.inputs import Place
from exo_core.control_plane.reconcile import RETURN_S, Situation, conclusions, joined
from exo_core.control_plane.stamp import placement_id, stamp
from exo_core.identifiers import BootId, Epoch, InstanceId, ModelId, NodeId, PlacementId, RunnerId
from exo_core.placement import DoesNotFit, Placement, PlacementRequest, Topology
from exo_core.placement_rules.default import place
from exo_core.state.apply import apply_all
from exo_core.state.events import (
    Event,
    InstancePlaced,
    InstanceRequested,
    InstanceWaiting,
    NodeAlive,
    NodeDead,
    NodeJoined,
    NodeLeft,
)
from exo_core.state.state import State
from exo_core.telemetry import NodeTelemetry, RunnerTelemetry
from exo_core.testing.models import model_with_layers
from exo_core.testing.placement_conformance import state_of, topology

CARD = model_with_layers(ModelId("m"), 4)[1]
N0, N1, N2 = NodeId("n0"), NodeId("n1"), NodeId("n2")
INSTANCE = InstanceId("i")
WISH = InstanceRequested(request=PlacementRequest(instance_id=INSTANCE, model_id=ModelId("m"), min_nodes=2))
EPOCH = Epoch(term=3, master_id=N0)
ROOMY = 10**9


class Rules:
    """The default placement, and a veto if one is set."""

    def __init__(self, veto: str = "") -> None:
        self._veto = [veto] if veto else []

    def place_instance(self, request: PlacementRequest, topology: Topology, state: State) -> Placement | DoesNotFit:
        return place(request, topology, state)

    def reject_placement(self, placement: Placement, topology: Topology, state: State) -> list[str]:
        return self._veto


def situation(*events: Event, nodes: int = 3) -> Situation:
    state = apply_all(state_of(CARD, nodes), events)
    return Situation(
        state=state,
        myself=N0,
        heard={},
        live=frozenset(state.members),
        silent=frozenset(),
        dead_for={},
        topology=topology(*[ROOMY] * nodes),
    )


def placed(name: str, *homes: NodeId) -> Placement:
    outcome = place(
        PlacementRequest(instance_id=INSTANCE, model_id=ModelId("m"), min_nodes=len(homes), nodes=homes),
        topology(*[ROOMY] * 3),
        state_of(CARD, 3),
    )
    assert isinstance(outcome, Placement)
    return stamp(outcome, PlacementId(name), ())


def in_log(placement: Placement) -> InstancePlaced:
    return InstancePlaced(instance_id=INSTANCE, placement=placement)


def test_all_quiet() -> None:
    assert conclusions(situation(WISH, in_log(placed("p1", N0, N1))), Rules()) == ()


def test_who_is_reachable_joins_unless_it_left() -> None:
    seen = situation(NodeLeft(node_id=N2, forgotten=True))
    seen = replace(seen, heard={N1: "B", N2: "C", NodeId("new"): "New"})
    assert joined(seen) == (NodeJoined(node_id=NodeId("new"), name="New"),)


def test_deaths_and_returns_are_recorded_once() -> None:
    gone = replace(situation(), live=frozenset({N0, N1}), silent=frozenset({N2}))
    assert conclusions(gone, Rules()) == (NodeDead(node_id=N2),)
    told = replace(gone, state=apply_all(gone.state, [NodeDead(node_id=N2)]))
    assert conclusions(told, Rules()) == ()
    assert conclusions(replace(told, live=frozenset({N0, N1, N2})), Rules()) == (NodeAlive(node_id=N2),)
    unheard = replace(gone, silent=frozenset[NodeId]())
    assert conclusions(unheard, Rules()) == ()


def test_a_wish_is_placed_and_what_does_not_fit_waits_without_repeating_itself() -> None:
    (conclusion,) = conclusions(situation(WISH), Rules())
    assert isinstance(conclusion, Place)
    full = replace(situation(WISH), topology=topology(10, 10, 10))
    (waiting,) = conclusions(full, Rules())
    assert isinstance(waiting, InstanceWaiting)
    told = apply_all(full.state, [waiting])
    assert conclusions(replace(full, state=told, topology=topology(20, 5, 10)), Rules()) == ()
    (conclusion,) = conclusions(replace(full, state=told, topology=topology(*[ROOMY] * 3)), Rules())
    assert isinstance(conclusion, Place)


def test_a_veto_is_heard() -> None:
    (waiting,) = conclusions(situation(WISH), Rules("not on a Sunday"))
    assert waiting == InstanceWaiting(instance_id=INSTANCE, reason="not on a Sunday")


def test_nothing_is_placed_before_the_members_have_reported() -> None:
    assert conclusions(replace(situation(WISH), may_place=False), Rules()) == ()


def test_a_lost_node_is_waited_for_and_then_replaced_with_the_other_shard_kept() -> None:
    before = placed("p1", N0, N1)
    lost = situation(WISH, in_log(before), NodeDead(node_id=N1))
    lost = replace(
        lost, live=frozenset({N0, N2}), topology=Topology(nodes=(lost.topology.nodes[0], lost.topology.nodes[2]))
    )
    assert conclusions(replace(lost, dead_for={N1: RETURN_S - 1}), Rules()) == ()
    (conclusion,) = conclusions(replace(lost, dead_for={N1: RETURN_S}), Rules())
    assert isinstance(conclusion, Place)
    after = stamp(conclusion.placement, placement_id(EPOCH, 1), conclusion.earlier)
    assert after.shards[0] == before.shards[0]
    assert after.shards[1].node_id == N2
    assert after.shards[1].runner_id != before.shards[1].runner_id


def test_a_node_that_left_is_not_waited_for() -> None:
    (conclusion,) = conclusions(situation(WISH, in_log(placed("p1", N0, N1)), NodeLeft(node_id=N1)), Rules())
    assert isinstance(conclusion, (Place, InstanceWaiting))


def test_what_waited_for_a_node_goes_on_where_it_was_when_the_node_returns() -> None:
    before = placed("p1", N0, N1)
    waiting = InstanceWaiting(instance_id=INSTANCE, reason="no room elsewhere")
    (conclusion,) = conclusions(situation(WISH, in_log(before), waiting), Rules())
    assert isinstance(conclusion, Place)
    after = stamp(conclusion.placement, placement_id(EPOCH, 1), conclusion.earlier)
    assert after.shards == before.shards


def test_runners_of_a_placement_that_the_log_lost_are_taken_over() -> None:
    running = placed("p9", N1, N2)
    for seen in (situation(WISH), situation(WISH, in_log(placed("p1", N0, N1)))):
        (conclusion,) = conclusions(replace(seen, reported={INSTANCE: (running,)}), Rules())
        assert isinstance(conclusion, Place)
        after = stamp(conclusion.placement, placement_id(EPOCH, 1), conclusion.earlier)
        assert after.shards == running.shards


def test_a_runner_that_failed_is_not_taken_over_but_the_log_gets_past_its_placement() -> None:
    """Its placement is newer than the log's: only a newer one still ends it."""
    before, failed = placed("p1", N0, N1), placed("p9", N1, N2)
    seen = replace(
        situation(WISH, in_log(before)),
        reported={INSTANCE: (before, failed)},
        failed=frozenset({failed.shards[0].runner_id}),
    )
    (conclusion,) = conclusions(seen, Rules())
    assert isinstance(conclusion, Place)
    assert stamp(conclusion.placement, placement_id(EPOCH, 1), conclusion.earlier).shards == before.shards
    again = replace(seen, failed=frozenset({failed.shards[0].runner_id, before.shards[0].runner_id}))
    (conclusion,) = conclusions(again, Rules())
    assert isinstance(conclusion, Place)
    after = stamp(conclusion.placement, placement_id(EPOCH, 1), conclusion.earlier)
    gone = {failed.shards[0].runner_id, before.shards[0].runner_id}
    assert not gone & {shard.runner_id for shard in after.shards}, "what failed is loaded anew"


def test_runners_that_cannot_be_taken_over_are_in_the_log_all_the_same_before_their_instance_waits() -> None:
    running = placed(placement_id(EPOCH, 1), N1, N2)
    full = replace(situation(WISH, NodeLeft(node_id=N2)), topology=topology(10, 10), reported={INSTANCE: (running,)})
    (conclusion,) = conclusions(full, Rules())
    assert isinstance(conclusion, Place)
    after = stamp(conclusion.placement, placement_id(EPOCH, 2), conclusion.earlier)
    assert after.shards == running.shards
    known = replace(full, state=apply_all(full.state, [in_log(after)]))
    (waiting,) = conclusions(known, Rules())
    assert isinstance(waiting, InstanceWaiting)
    assert conclusions(replace(known, state=apply_all(known.state, [waiting])), Rules()) == ()


def test_reports_are_of_the_runners_of_wished_instances_that_are_there() -> None:
    running = placed("p2", N0, N1)

    def told(status: str, instance: InstanceId) -> dict[NodeId, NodeTelemetry]:
        runner = RunnerTelemetry(runner_id=RunnerId("r"), instance_id=instance, status=status, placement=running)
        node = NodeTelemetry(
            node_id=N0,
            boot=BootId(1),
            sequence=1,
            version="1",
            name="A",
            memory_total=1,
            memory_free=1,
            memory_for_models=1,
            runners=(runner, runner),
        )
        return {N0: node}

    state = situation(WISH).state
    assert reported_placements(told("busy", INSTANCE), state) == {INSTANCE: (running,)}
    assert reported_placements(told("failed", INSTANCE), state) == {INSTANCE: (running,)}
    assert reported_placements(told("stopped", INSTANCE), state) == {}
    assert reported_placements(told("busy", InstanceId("gone")), state) == {}


def test_placement_ids_grow_with_every_decision() -> None:
    names = [
        placement_id(Epoch(term=term, master_id=master), number)
        for term, master, number in [(1, N0, 1), (1, N0, 2), (2, N1, 1), (10, N0, 10), (10, N0, 11)]
    ]
    assert names == sorted(names)
    assert len(set(names)) == 5
