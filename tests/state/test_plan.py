"""A runner starts when the log wants it and stops only because the log contains why."""

from __future__ import annotations

from dataclasses import replace

import pytest

from exo_core.identifiers import BootId, InstanceId, ModelId, NodeId, PlacementId, RunnerId
from exo_core.placement import Placement, PlacementRequest, Shard
from exo_core.state.apply import apply_all
from exo_core.state.events import (
    Event,
    InstanceDeleted,
    InstancePlaced,
    InstanceRequested,
    InstanceWaiting,
    ModelAdded,
    NodeDead,
    NodeStarted,
    RunnerFailed,
    RunnerReady,
)
from exo_core.state.instance_status import instance_status
from exo_core.state.plan import LocalRunner, LocalRunners, StartRunner, StopRunner, UpdateRunner, plan
from exo_core.state.reports import Outcome, missing_reports, missing_start
from exo_core.state.state import State
from exo_core.testing.models import model_with_layers

ME, OTHER = NodeId("me"), NodeId("other")
INSTANCE, MODEL = InstanceId("i"), ModelId("m")
RUNNER = RunnerId("p1.0")
HERE = LocalRunners(node_id=ME, boot=BootId(1))
RUNNING = LocalRunner(runner_id=RUNNER, instance_id=INSTANCE, placement_id=PlacementId("p1"))
WITH_RUNNER = replace(HERE, runners={RUNNER: RUNNING})


def placed(name: str, first: RunnerId, second: RunnerId | None = None) -> InstancePlaced:
    homes = [(first, ME)] + ([(second, OTHER)] if second else [])
    shards = tuple(
        Shard(runner_id=runner, node_id=node, stage=stage, stages=len(homes), start_layer=stage, end_layer=stage + 1)
        for stage, (runner, node) in enumerate(homes)
    )
    placement = Placement(placement_id=PlacementId(name), parallel="pipeline", backend="echo", shards=shards)
    return InstancePlaced(instance_id=INSTANCE, placement=placement)


def state_after(*events: Event) -> State:
    manifest, card = model_with_layers(MODEL, 2)
    begin = [
        NodeStarted(node_id=ME, boot=BootId(1), name="Me", version="1"),
        NodeStarted(node_id=OTHER, boot=BootId(7), name="Other", version="1"),
        ModelAdded(manifest=manifest, card=card),
        InstanceRequested(request=PlacementRequest(instance_id=INSTANCE, model_id=MODEL)),
    ]
    return apply_all(State(), [*begin, *events])


def test_a_placed_shard_is_started_with_all_that_a_backend_needs() -> None:
    (action,) = plan(state_after(placed("p1", RUNNER)), HERE)
    assert isinstance(action, StartRunner)
    assert (action.assignment.shard.runner_id, action.assignment.instance_id) == (RUNNER, INSTANCE)
    assert action.manifest.model_id == action.assignment.card.model_id == MODEL


def test_what_runs_as_it_should_is_left_alone() -> None:
    assert plan(state_after(placed("p1", RUNNER)), WITH_RUNNER) == ()


@pytest.mark.parametrize(
    "state",
    [
        State(),
        state_after(),
        state_after(placed("p0", RunnerId("p0.0"))),
        state_after(InstanceWaiting(instance_id=INSTANCE, reason="no room")),
        state_after(placed("p1", RUNNER, RunnerId("p1.1")), NodeDead(node_id=OTHER)),
    ],
)
def test_a_runner_is_never_stopped_because_something_is_absent(state: State) -> None:
    assert not [action for action in plan(state, WITH_RUNNER) if isinstance(action, StopRunner)]


def test_a_deletion_stops_it_even_if_its_placement_is_not_in_the_log() -> None:
    (action,) = plan(state_after(InstanceDeleted(instance_id=INSTANCE)), WITH_RUNNER)
    assert isinstance(action, StopRunner)
    assert action.runner_id == RUNNER
    assert "deleted" in action.reason


def test_a_newer_placement_without_it_stops_it_before_anything_starts() -> None:
    first, second = plan(state_after(placed("p2", RunnerId("p2.0"))), WITH_RUNNER)
    assert isinstance(first, StopRunner)
    assert isinstance(second, StartRunner)


def test_a_newer_placement_that_keeps_it_only_updates_it() -> None:
    (action,) = plan(state_after(placed("p2", RUNNER, RunnerId("p2.1"))), WITH_RUNNER)
    assert isinstance(action, UpdateRunner)
    assert action.assignment.placement.placement_id == "p2"


@pytest.mark.parametrize(
    "local", [replace(WITH_RUNNER, outbox_empty=False), replace(WITH_RUNNER, installing_snapshot=True)]
)
def test_nothing_stops_while_the_log_may_be_incomplete(local: LocalRunners) -> None:
    assert plan(state_after(InstanceDeleted(instance_id=INSTANCE)), local) == ()


def test_a_load_that_failed_is_not_tried_again_in_the_same_boot() -> None:
    failed = RunnerFailed(runner_id=RUNNER, instance_id=INSTANCE, node_id=ME, boot=BootId(1), detail="no memory")
    state = state_after(placed("p1", RUNNER), failed)
    assert plan(state, HERE) == ()
    assert instance_status(state, INSTANCE) == ("failed", "on Me: no memory")
    restarted = apply_all(state, [NodeStarted(node_id=ME, boot=BootId(2), name="Me", version="1")])
    assert plan(restarted, replace(HERE, boot=BootId(2)))


def test_status_follows_the_runners() -> None:
    ready = RunnerReady(runner_id=RUNNER, instance_id=INSTANCE, node_id=ME, boot=BootId(1))
    other = RunnerReady(runner_id=RunnerId("p1.1"), instance_id=INSTANCE, node_id=OTHER, boot=BootId(7))
    place = placed("p1", RUNNER, RunnerId("p1.1"))
    waiting = InstanceWaiting(instance_id=INSTANCE, reason="needs 9 GB")
    assert instance_status(state_after(), INSTANCE)[0] == "placing"
    assert instance_status(state_after(waiting), INSTANCE) == ("waiting", "needs 9 GB")
    assert instance_status(state_after(waiting, place), INSTANCE)[0] == "loading"
    assert instance_status(state_after(place, ready), INSTANCE) == (
        "loading",
        "1 of 2 shards loaded; Other to go",
    )
    assert instance_status(state_after(place, ready, other), INSTANCE) == ("ready", "m on Me, Other")
    dead = state_after(place, ready, other, NodeDead(node_id=OTHER))
    assert instance_status(dead, INSTANCE) == ("waiting", "waiting for Other to come back")
    with pytest.raises(KeyError):
        instance_status(State(), INSTANCE)


def test_a_report_that_the_state_does_not_show_is_made_again_unless_it_is_on_its_way() -> None:
    state = state_after(placed("p1", RUNNER))
    outcomes = {RUNNER: Outcome(instance_id=INSTANCE)}
    (report,) = missing_reports(state, ME, BootId(1), outcomes)
    assert isinstance(report, RunnerReady)
    assert missing_reports(state, ME, BootId(1), outcomes, [report]) == ()
    assert missing_reports(apply_all(state, [report]), ME, BootId(1), outcomes) == ()
    failed = {RUNNER: Outcome(instance_id=INSTANCE, failed="crashed")}
    (worse,) = missing_reports(apply_all(state, [report]), ME, BootId(1), failed)
    assert isinstance(worse, RunnerFailed)
    assert missing_reports(State(), ME, BootId(1), outcomes) == ()
    assert missing_reports(state, ME, BootId(2), outcomes) == (), "nobody would heed it"


def test_a_start_that_an_older_one_covered_is_told_again() -> None:
    """A merged log may bring the facts of an earlier boot after those of the present one."""
    present = NodeStarted(node_id=ME, boot=BootId(2), name="Me", version="1")
    assert missing_start(apply_all(state_after(), [present]), present, []) == ()
    assert missing_start(state_after(), present, []) == (present,)
    assert missing_start(state_after(), present, [present]) == ()
    assert missing_start(State(), present, []) == ()
