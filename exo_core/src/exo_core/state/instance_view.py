"""How an instance is right now: what the log says of it, corrected by what its runners measure."""

from __future__ import annotations

from exo_core.identifiers import InstanceId, ModelId, NodeId
from exo_core.placement import Shard
from exo_core.state.instance_status import instance_status
from exo_core.state.state import InstanceStatus, State
from exo_core.telemetry import RunnerTelemetry, Telemetry

_SERVING = ("ready", "busy")


def current_status(state: State, telemetry: Telemetry, instance_id: InstanceId) -> tuple[InstanceStatus, str]:
    """Status and a sentence. An instance whose runner is starting again is `loading`. Raises `KeyError`."""
    status, detail = instance_status(state, instance_id)
    if status != "ready":
        return status, detail
    for node_id, runner in runners_of(telemetry, instance_id):
        if runner.status not in _SERVING:
            name = state.members[node_id].name if node_id in state.members else node_id
            return "loading", f"the runner on {name} is {runner.status.replace('_', ' ')}. {runner.detail}".strip()
    return status, detail


def runners_of(telemetry: Telemetry, instance_id: InstanceId) -> list[tuple[NodeId, RunnerTelemetry]]:
    """What is measured of an instance's runners, with their nodes."""
    return [
        (node_id, runner)
        for node_id, node in telemetry.nodes.items()
        for runner in node.runners
        if runner.instance_id == instance_id
    ]


def instances_of(state: State, model_id: ModelId) -> list[InstanceId]:
    """Wished instances of a model."""
    return [name for name, instance in state.instances.items() if instance.request.model_id == model_id]


def ready_instances(
    state: State, telemetry: Telemetry, model_id: ModelId
) -> list[tuple[InstanceId, tuple[Shard, ...]]]:
    """Instances of a model that can answer now, each with its shards, the head's first."""
    return [
        (name, placement.shards)
        for name in instances_of(state, model_id)
        if current_status(state, telemetry, name)[0] == "ready" and (placement := state.instances[name].placement)
    ]
