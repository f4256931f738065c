"""Which machines rest. A pure function of what placement is given, so that every master would decide alike."""

from __future__ import annotations

from exo_core.identifiers import NodeId
from exo_core.placement import Topology
from exo_core.state.state import State


def awake(topology: Topology, state: State) -> Topology:
    """The topology without machines that rest."""
    nodes = tuple(node for node in topology.nodes if not rests(node.node_id, state))
    return topology.model_copy(update={"nodes": nodes})


def rests(node_id: NodeId, state: State) -> bool:
    """What that machine said of itself when it started."""
    member = state.members.get(node_id)
    facts = member.facts.get("signpost") if member else None
    return isinstance(facts, dict) and facts.get("rests") is True
