"""How events change instances and the records of their runners.

A wish ends only by its deletion. What a runner of a deleted instance still reports changes nothing (no ghosts), and a
request that a merged log brings after its deletion is not a new wish.
"""

from __future__ import annotations

from exo_core.identifiers import InstanceId
from exo_core.state.events import (
    InstanceDeleted,
    InstancePlaced,
    InstanceRequested,
    InstanceWaiting,
    RunnerFailed,
    RunnerReady,
)
from exo_core.state.state import REMEMBERED_DELETIONS, Instance, RunnerRecord, State


def instance_requested(state: State, event: InstanceRequested) -> State:
    """A new wish; the same one again changes nothing, but that what was to go when it is idle may be wished to stay."""
    name = event.request.instance_id
    if name in state.deleted:
        return state
    known = state.instances.get(name)
    if known is None:
        return _with_instance(state, name, Instance(request=event.request))
    if not known.request.unload_after_s or event.request.unload_after_s:
        return state
    staying = known.request.model_copy(update={"unload_after_s": 0})
    return _with_instance(state, name, known.model_copy(update={"request": staying}))


def instance_deleted(state: State, event: InstanceDeleted) -> State:
    """The wish ends, remembered so that runners stop wherever they are."""
    gone = event.instance_id
    if gone in state.deleted:
        return state
    return state.model_copy(
        update={
            "instances": {name: instance for name, instance in state.instances.items() if name != gone},
            "deleted": (*state.deleted, gone)[-REMEMBERED_DELETIONS:],
            "runners": {name: runner for name, runner in state.runners.items() if runner.instance_id != gone},
        }
    )


def instance_placed(state: State, event: InstancePlaced) -> State:
    """A newer place (ids of placements grow); records of runners that it does not keep are dropped."""
    instance = state.instances.get(event.instance_id)
    if instance is None:
        return state
    if instance.placement is not None and event.placement.placement_id <= instance.placement.placement_id:
        return state
    kept = {shard.runner_id for shard in event.placement.shards}
    runners = {
        name: runner
        for name, runner in state.runners.items()
        if runner.instance_id != event.instance_id or name in kept
    }
    placed = instance.model_copy(update={"placement": event.placement, "waiting": None})
    return _with_instance(state, event.instance_id, placed).model_copy(update={"runners": runners})


def instance_waiting(state: State, event: InstanceWaiting) -> State:
    """No place now. Its last placement stays known: a runner stops only for a newer one."""
    instance = state.instances.get(event.instance_id)
    if instance is None:
        return state
    return _with_instance(state, event.instance_id, instance.model_copy(update={"waiting": event.reason}))


def runner_ready(state: State, event: RunnerReady) -> State:
    """A runner of the present boot of its node serves."""
    return _recorded(state, event, ready=True, detail="")


def runner_failed(state: State, event: RunnerFailed) -> State:
    """A runner of the present boot of its node cannot serve."""
    return _recorded(state, event, ready=False, detail=event.detail)


def _recorded(state: State, event: RunnerReady | RunnerFailed, *, ready: bool, detail: str) -> State:
    member = state.members.get(event.node_id)
    if member is None or member.boot != event.boot or event.instance_id not in state.instances:
        return state
    record = RunnerRecord(
        runner_id=event.runner_id,
        instance_id=event.instance_id,
        node_id=event.node_id,
        boot=event.boot,
        ready=ready,
        detail=detail,
    )
    return state.model_copy(update={"runners": {**state.runners, event.runner_id: record}})


def _with_instance(state: State, name: InstanceId, instance: Instance) -> State:
    return state.model_copy(update={"instances": {**state.instances, name: instance}})
