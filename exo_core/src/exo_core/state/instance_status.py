"""How an instance is, for people: derived from its wish, its placement and what its runners reported."""

from __future__ import annotations

from collections.abc import Sequence

from exo_core.identifiers import InstanceId
from exo_core.placement import Placement, Shard
from exo_core.state.state import Instance, InstanceStatus, State


def instance_status(state: State, instance_id: InstanceId) -> tuple[InstanceStatus, str]:
    """Status and a sentence that explains it. Raises `KeyError` for an instance that is not wished."""
    instance = state.instances[instance_id]
    if instance.waiting is not None:
        return "waiting", instance.waiting
    if instance.placement is None:
        return "placing", "a place is being chosen"
    return placement_status(state, instance, instance.placement)


def placement_status(state: State, instance: Instance, placement: Placement) -> tuple[InstanceStatus, str]:
    """The same for an instance that has a place."""
    absent = [shard for shard in placement.shards if not is_live(state, shard)]
    if absent:
        return "waiting", f"waiting for {_names(state, absent)} to come back"
    failed = [
        record for shard in placement.shards if (record := state.runners.get(shard.runner_id)) and not record.ready
    ]
    if failed:
        member = state.members[failed[0].node_id]
        return "failed", f"on {member.name}: {failed[0].detail}"
    missing = [shard for shard in placement.shards if shard.runner_id not in state.runners]
    if missing:
        ready = len(placement.shards) - len(missing)
        return "loading", f"{ready} of {len(placement.shards)} shards loaded; {_names(state, missing)} to go"
    return "ready", f"{instance.request.model_id} on {_names(state, placement.shards)}"


def is_live(state: State, shard: Shard) -> bool:
    """Whether the shard's node is a member that is not known to be dead."""
    member = state.members.get(shard.node_id)
    return member is not None and not member.dead


def _names(state: State, shards: Sequence[Shard]) -> str:
    """The machines of these shards, each once, in order."""
    known = {shard.node_id: state.members.get(shard.node_id) for shard in shards}
    return ", ".join(member.name if member else node_id for node_id, member in known.items())
