"""How events change the members of a cluster.

Facts of different origins may enter a merged log in another order than they happened, so a node that says it started
is a member even if the fact that it joined comes later. Only a node that left stays out until it joins again.
"""

from __future__ import annotations

from exo_core.identifiers import NodeId
from exo_core.state.events import (
    ClusterCreated,
    NodeAlive,
    NodeDead,
    NodeFactsGathered,
    NodeJoined,
    NodeLeft,
    NodeStarted,
    ReignBegan,
)
from exo_core.state.state import Member, State


def cluster_created(state: State, event: ClusterCreated) -> State:
    """The first one counts; how a cluster keeps its promises never changes."""
    if state.created:
        return state
    return state.model_copy(update={"created": True, "consistency": event.consistency})


def node_joined(state: State, event: NodeJoined) -> State:
    """A new member, or one that comes back after it left; a known member stays as it is."""
    if event.node_id in state.members:
        return state
    left = {node_id: how for node_id, how in state.left.items() if node_id != event.node_id}
    members = {**state.members, event.node_id: Member(node_id=event.node_id, name=event.name)}
    return state.model_copy(update={"members": members, "left": left})


def node_left(state: State, event: NodeLeft) -> State:
    """The member goes, with its runners' records and downloads; placements that name it are placed anew."""
    gone = event.node_id
    return state.model_copy(
        update={
            "members": {node_id: member for node_id, member in state.members.items() if node_id != gone},
            "left": {**state.left, gone: event.forgotten},
            "runners": {name: runner for name, runner in state.runners.items() if runner.node_id != gone},
            "downloads": {node_id: models for node_id, models in state.downloads.items() if node_id != gone},
        }
    )


def node_started(state: State, event: NodeStarted) -> State:
    """A new boot: what runners of earlier boots reported is void."""
    if event.node_id in state.left:
        return state
    member = state.members.get(event.node_id) or Member(node_id=event.node_id, name=event.name)
    started = member.model_copy(update={"boot": event.boot, "name": event.name, "version": event.version})
    runners = {
        name: runner
        for name, runner in state.runners.items()
        if runner.node_id != event.node_id or runner.boot == event.boot
    }
    return state.model_copy(update={"members": {**state.members, event.node_id: started}, "runners": runners})


def node_facts_gathered(state: State, event: NodeFactsGathered) -> State:
    """What the machine is and can do; the newest counts."""
    return _changed(
        state,
        event.node_id,
        {
            "memory_total": event.memory_total,
            "backends": event.backends,
            "transports": event.transports,
            "facts": event.facts,
        },
    )


def node_dead(state: State, event: NodeDead) -> State:
    """The master has not heard it for too long."""
    return _changed(state, event.node_id, {"dead": True})


def node_alive(state: State, event: NodeAlive) -> State:
    """The master hears it again."""
    return _changed(state, event.node_id, {"dead": False})


def reign_began(state: State, event: ReignBegan) -> State:
    """Nothing follows from it: it is there to be in the log."""
    del event
    return state


def _changed(state: State, node_id: NodeId, changes: dict[str, object]) -> State:
    member = state.members.get(node_id)
    if member is None:
        return state
    return state.model_copy(update={"members": {**state.members, node_id: member.model_copy(update=changes)}})
