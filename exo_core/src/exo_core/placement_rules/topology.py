"""What placement reads, put together from the state, the telemetry and who is live now."""

from __future__ import annotations

from collections.abc import Collection, Iterator

from exo_core.identifiers import NodeId
from exo_core.placement import RELAY, LinkMeasure, NodeResources, Topology
from exo_core.placement_rules.memory_needs import reserved_on
from exo_core.placement_rules.told_backends import told_backends
from exo_core.state.state import State
from exo_core.telemetry import Telemetry


def topology_of(state: State, telemetry: Telemetry, live: Collection[NodeId]) -> Topology:
    """The live members that have told what they have and are not about to stop, and their links.

    `NodeTelemetry.memory_for_models` is what a machine could give to models in all; what placed shards take there is
    taken off here by the state, loaded or not, so that two placements in a row never count the same memory twice.
    """
    return Topology(
        nodes=tuple(_resources(state, telemetry, live)),
        links=tuple(_links(telemetry, live)),
    )


def _resources(state: State, telemetry: Telemetry, live: Collection[NodeId]) -> Iterator[NodeResources]:
    for node_id, member in sorted(state.members.items()):
        measured = telemetry.nodes.get(node_id)
        if node_id in live and measured is not None and member.backends and not measured.draining:
            yield NodeResources(
                node_id=node_id,
                name=member.name,
                memory_total=measured.memory_total,
                memory_for_models=max(0, measured.memory_for_models - reserved_on(state, node_id)),
                backends=member.backends,
                transports=member.transports,
                float32_faster_than={name: told.float32_faster_than for name, told in told_backends(member).items()},
            )


def _links(telemetry: Telemetry, live: Collection[NodeId]) -> Iterator[LinkMeasure]:
    """Each pair once per transport, as one of its ends measured it; without relays, which carry no activations."""
    seen: set[tuple[NodeId, NodeId, str]] = set()
    for node_id in sorted(telemetry.nodes):
        for link in telemetry.nodes[node_id].links:
            low, high = min(link.a, link.b), max(link.a, link.b)
            known = (low, high, link.transport) in seen
            if {low, high} <= set(live) and not known and link.transport != RELAY:
                seen.add((low, high, link.transport))
                yield link
