"""`apply` is total and keeps what it promises, whatever order events come in."""

from __future__ import annotations

from typing import get_args

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from exo_core.identifiers import BootId, InstanceId, ModelId, NodeId, PlacementId, RunnerId
from exo_core.log.payloads import decode_event, encode_event
from exo_core.placement import Placement, PlacementRequest, Shard
from exo_core.state import apply as apply_module
from exo_core.state.apply import apply, apply_all, reducer_fingerprint
from exo_core.state.events import (
    ClusterCreated,
    Derived,
    DownloadFinished,
    DownloadLost,
    Event,
    ExtensionChanged,
    Fact,
    InstanceDeleted,
    InstancePlaced,
    InstanceRequested,
    InstanceWaiting,
    ModelAdded,
    ModelRemoved,
    NodeAlive,
    NodeDead,
    NodeFactsGathered,
    NodeJoined,
    NodeLeft,
    NodeStarted,
    RunnerFailed,
    RunnerReady,
)
from exo_core.state.state import REMEMBERED_DELETIONS, State
from exo_core.testing.models import model_with_layers

NODES = [NodeId("a"), NodeId("b")]
INSTANCES = [InstanceId("i"), InstanceId("j")]
MODELS = [ModelId("m"), ModelId("k")]
nodes, instances, models = st.sampled_from(NODES), st.sampled_from(INSTANCES), st.sampled_from(MODELS)
boots = st.sampled_from([BootId(1), BootId(2)])
runners = st.sampled_from([RunnerId("p1.0"), RunnerId("p1.1"), RunnerId("p2.0")])


def placement(name: str, *homes: NodeId) -> Placement:
    shards = tuple(
        Shard(
            runner_id=RunnerId(f"{name}.{stage}"),
            node_id=node,
            stage=stage,
            stages=len(homes),
            start_layer=stage,
            end_layer=stage + 1,
        )
        for stage, node in enumerate(homes)
    )
    return Placement(placement_id=PlacementId(name), parallel="pipeline", backend="echo", shards=shards)


def requested(name: InstanceId, model: ModelId = MODELS[0], unload_after_s: int = 0) -> InstanceRequested:
    request = PlacementRequest(instance_id=name, model_id=model, unload_after_s=unload_after_s)
    return InstanceRequested(request=request)


def added(model: ModelId) -> ModelAdded:
    manifest, card = model_with_layers(model, 2)
    return ModelAdded(manifest=manifest, card=card)


EVENTS: st.SearchStrategy[Event] = st.one_of(
    st.builds(ClusterCreated, consistency=st.sampled_from(["availability", "majority"])),
    st.builds(NodeJoined, node_id=nodes, name=st.just("A")),
    st.builds(NodeLeft, node_id=nodes, forgotten=st.booleans()),
    st.builds(NodeStarted, node_id=nodes, boot=boots, name=st.just("A"), version=st.just("1")),
    st.builds(
        NodeFactsGathered,
        node_id=nodes,
        memory_total=st.integers(0, 9),
        backends=st.just(("echo",)),
        transports=st.just(()),
        facts=st.just({"x": [1]}),
    ),
    st.builds(added, models),
    st.builds(ModelRemoved, model_id=models),
    st.builds(requested, instances, models, st.sampled_from([0, 60])),
    st.builds(InstanceDeleted, instance_id=instances),
    st.builds(RunnerReady, runner_id=runners, instance_id=instances, node_id=nodes, boot=boots),
    st.builds(RunnerFailed, runner_id=runners, instance_id=instances, node_id=nodes, boot=boots, detail=st.just("no")),
    st.builds(DownloadFinished, node_id=nodes, model_id=models, revision=st.just("1")),
    st.builds(DownloadLost, node_id=nodes, model_id=models),
    st.builds(
        ExtensionChanged, plugin=st.just("p"), key=st.sampled_from("kl"), value=st.sampled_from([None, 1, "x", [1]])
    ),
    st.builds(
        InstancePlaced, instance_id=instances, placement=st.builds(placement, st.sampled_from(["p1", "p2"]), nodes)
    ),
    st.builds(InstanceWaiting, instance_id=instances, reason=st.just("too large")),
    st.builds(NodeDead, node_id=nodes),
    st.builds(NodeAlive, node_id=nodes),
)


def kinds_of(union: object) -> set[type[Event]]:
    return set(get_args(get_args(union)[0]))


KINDS = sorted(kinds_of(Fact) | kinds_of(Derived), key=lambda kind: kind.__name__)
UNHURRIED = [HealthCheck.too_slow, HealthCheck.filter_too_much]
values = st.none() | st.booleans() | st.integers() | st.text() | st.lists(st.text(), max_size=2)
SPECIAL: dict[type[Event], st.SearchStrategy[Event]] = {
    ExtensionChanged: st.builds(ExtensionChanged, value=values),
    ModelAdded: st.builds(added, st.text().map(ModelId)),
    NodeFactsGathered: st.builds(NodeFactsGathered, facts=st.dictionaries(st.text(), values, max_size=2)),
}
"""Of what is made of values that refer to each other, or to themselves."""


def test_every_event_has_its_reducer() -> None:
    assert set(apply_module.REDUCERS) == kinds_of(Fact) | kinds_of(Derived)
    assert len(reducer_fingerprint()) == 16


@settings(max_examples=200, deadline=None)
@given(st.lists(EVENTS, max_size=40))
def test_any_events_in_any_order_give_a_sound_state(events: list[Event]) -> None:
    state = apply_all(State(), events)
    assert state.members.keys().isdisjoint(state.left)
    assert state.instances.keys().isdisjoint(state.deleted)
    for runner in state.runners.values():
        assert runner.instance_id in state.instances
        assert state.members[runner.node_id].boot == runner.boot
    assert state.downloads.keys() <= state.members.keys()
    assert all(slice_ for slice_ in state.extensions.values())
    assert State.model_validate(state.model_dump()) == state


@settings(max_examples=100, deadline=None)
@given(st.lists(EVENTS, max_size=20), EVENTS)
def test_an_event_twice_is_an_event_once(events: list[Event], event: Event) -> None:
    once = apply(apply_all(State(), events), event)
    assert apply(once, event) == once


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
def test_any_event_of_any_kind_has_a_next_state(kind: type[Event]) -> None:
    """Whatever its fields are, for who writes them may err; and when it comes again, it changes nothing."""

    @settings(max_examples=20, deadline=None, suppress_health_check=UNHURRIED, database=None)
    @given(st.lists(EVENTS, max_size=12), SPECIAL.get(kind, st.from_type(kind)), st.lists(EVENTS, max_size=4))
    def check(before: list[Event], event: Event, after: list[Event]) -> None:
        state = apply(apply_all(State(), before), event)
        assert apply(state, event) == state
        following = apply_all(state, after)
        State.model_validate(following.model_dump())

    check()


@settings(max_examples=100, deadline=None)
@given(EVENTS)
def test_the_log_gives_back_what_it_was_given(event: Event) -> None:
    assert decode_event(encode_event(event)) == event


def test_what_a_later_version_writes_is_skipped_and_not_an_error() -> None:
    assert decode_event(b"\x81\xa4type\xa6future") is None
    assert decode_event(b"garbage") is None


def test_a_restart_voids_what_runners_of_the_earlier_boot_reported() -> None:
    start = NodeStarted(node_id=NODES[0], boot=BootId(1), name="A", version="1")
    ready = RunnerReady(runner_id=RunnerId("p1.0"), instance_id=INSTANCES[0], node_id=NODES[0], boot=BootId(1))
    state = apply_all(State(), [start, requested(INSTANCES[0]), ready])
    assert state.runners[RunnerId("p1.0")].ready
    state = apply(state, start.model_copy(update={"boot": BootId(2)}))
    assert not state.runners
    assert apply(state, ready) == state


def test_a_deleted_instance_leaves_no_ghosts() -> None:
    start = NodeStarted(node_id=NODES[0], boot=BootId(1), name="A", version="1")
    ready = RunnerReady(runner_id=RunnerId("p1.0"), instance_id=INSTANCES[0], node_id=NODES[0], boot=BootId(1))
    placed = InstancePlaced(instance_id=INSTANCES[0], placement=placement("p1", NODES[0]))
    deleted = InstanceDeleted(instance_id=INSTANCES[0])
    state = apply_all(State(), [start, requested(INSTANCES[0]), placed, ready, deleted])
    assert (state.instances, state.runners) == ({}, {})
    assert apply_all(state, [requested(INSTANCES[0]), placed, ready, deleted]) == state


def test_an_older_placement_never_replaces_a_newer() -> None:
    newer = InstancePlaced(instance_id=INSTANCES[0], placement=placement("p2", NODES[0]))
    older = InstancePlaced(instance_id=INSTANCES[0], placement=placement("p1", NODES[1]))
    state = apply_all(State(), [requested(INSTANCES[0]), newer, older])
    assert state.instances[INSTANCES[0]].placement == newer.placement


def test_a_wished_model_stays_in_the_catalogue() -> None:
    state = apply_all(State(), [added(MODELS[0]), requested(INSTANCES[0]), ModelRemoved(model_id=MODELS[0])])
    assert MODELS[0] in state.models
    state = apply_all(state, [InstanceDeleted(instance_id=INSTANCES[0]), ModelRemoved(model_id=MODELS[0])])
    assert not state.models


def test_deletions_are_remembered_in_bounds() -> None:
    state = State()
    for number in range(REMEMBERED_DELETIONS + 10):
        state = apply(state, InstanceDeleted(instance_id=InstanceId(str(number))))
    assert len(state.deleted) == REMEMBERED_DELETIONS
    assert state.deleted[-1] == str(REMEMBERED_DELETIONS + 9)


@pytest.mark.parametrize("order", [(60, 0), (0, 60)])
def test_whatever_their_order_a_wish_to_stay_wins(order: tuple[int, int]) -> None:
    """Merged logs may hold the two requests either way round."""
    state = apply_all(State(), [requested(INSTANCES[0], unload_after_s=after_s) for after_s in order])
    assert state.instances[INSTANCES[0]].request.unload_after_s == 0
