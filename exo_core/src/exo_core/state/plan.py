"""`plan`: what a node must do so that its runners are as the log says. Pure; the node's supervisor carries it out.

| the log says about the runner's instance    | the runner here            | action                         |
|---------------------------------------------|----------------------------|--------------------------------|
| a placement with a shard for this node      | is not there               | `StartRunner`                  |
| a newer placement that keeps this runner    | has the older assignment   | `UpdateRunner` (new neighbours)|
| a newer placement without this runner       | is there                   | `StopRunner`                   |
| its deletion                                | is there                   | `StopRunner`                   |
| nothing, or only an older placement         | is there                   | nothing: the log may come back |

A runner is stopped only because the log *contains* a reason, never because something is absent from it; and nothing
is stopped while facts of this node wait in the outbox or a snapshot is being installed.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from exo_core.frozen import Frozen
from exo_core.identifiers import BootId, InstanceId, NodeId, PlacementId, RunnerId
from exo_core.manifests import Manifest
from exo_core.placement import ShardAssignment
from exo_core.state.state import State


@dataclass(frozen=True, kw_only=True)
class LocalRunner:
    """A runner process of this node, whatever it is doing, and the placement it was last told.

    A runner that failed for good stays in this list until it is stopped or replaced, so that it is not started again.
    """

    runner_id: RunnerId
    instance_id: InstanceId
    placement_id: PlacementId


@dataclass(frozen=True, kw_only=True)
class LocalRunners:
    """This node's runners and whether what it knows of the log may be incomplete."""

    node_id: NodeId
    boot: BootId
    runners: Mapping[RunnerId, LocalRunner] = field(default_factory=dict[RunnerId, LocalRunner])
    outbox_empty: bool = True
    installing_snapshot: bool = False


class StartRunner(Frozen):
    """Start a runner for this shard. `manifest` says which files."""

    assignment: ShardAssignment
    manifest: Manifest


class UpdateRunner(Frozen):
    """The runner keeps its weights; its placement is newer: other neighbours, or only another id."""

    assignment: ShardAssignment


class StopRunner(Frozen):
    """The log contains why this runner is no longer wanted; `reason` for people."""

    runner_id: RunnerId
    reason: str


Action = StartRunner | UpdateRunner | StopRunner


def plan(state: State, local: LocalRunners) -> tuple[Action, ...]:
    """All that is to be done now, stops first so that their memory is free for starts."""
    may_stop = local.outbox_empty and not local.installing_snapshot
    stops = tuple(_stops(state, local)) if may_stop else ()
    return (*stops, *_starts_and_updates(state, local))


def _stops(state: State, local: LocalRunners) -> Iterator[StopRunner]:
    for runner in local.runners.values():
        reason = _reason_to_stop(state, runner)
        if reason is not None:
            yield StopRunner(runner_id=runner.runner_id, reason=reason)


def _reason_to_stop(state: State, runner: LocalRunner) -> str | None:
    if runner.instance_id in state.deleted:
        return f"instance {runner.instance_id} was deleted"
    instance = state.instances.get(runner.instance_id)
    if instance is None or instance.placement is None or instance.placement.placement_id <= runner.placement_id:
        return None
    if any(shard.runner_id == runner.runner_id for shard in instance.placement.shards):
        return None
    return f"instance {runner.instance_id} was placed anew without it"


def _starts_and_updates(state: State, local: LocalRunners) -> Iterator[StartRunner | UpdateRunner]:
    for assignment in assignments_of(state, local.node_id):
        present = local.runners.get(assignment.shard.runner_id)
        if present is None:
            if not _failed_here(state, local, assignment.shard.runner_id):
                manifest = state.models[assignment.card.model_id].manifest
                yield StartRunner(assignment=assignment, manifest=manifest)
        elif assignment.placement.placement_id > present.placement_id:
            yield UpdateRunner(assignment=assignment)


def assignments_of(state: State, node_id: NodeId) -> Iterator[ShardAssignment]:
    """The shards that the log wants on a node, of models it knows."""
    for instance_id, instance in state.instances.items():
        model = state.models.get(instance.request.model_id)
        if model is None or instance.placement is None:
            continue
        for shard in instance.placement.shards:
            if shard.node_id == node_id:
                yield ShardAssignment(
                    instance_id=instance_id, card=model.card, placement=instance.placement, shard=shard
                )


def _failed_here(state: State, local: LocalRunners, runner_id: RunnerId) -> bool:
    """A load that failed in this boot is not tried again by itself; a restart of the node or a new placement is."""
    record = state.runners.get(runner_id)
    return record is not None and not record.ready and record.boot == local.boot
