"""What placement reads, put together from the state, the telemetry and who is live now."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator
from contextlib import suppress

from pydantic import TypeAdapter, ValidationError

from exo_core.backends import BackendFacts
from exo_core.cards import WeightKind
from exo_core.identifiers import NodeId
from exo_core.placement import RELAY, LinkMeasure, NodeResources, Topology
from exo_core.placement_rules.memory_needs import reserved_on
from exo_core.state.state import Member, State
from exo_core.telemetry import Telemetry

_BACKEND_FACTS = TypeAdapter(BackendFacts)


def topology_of(state: State, telemetry: Telemetry, live: Collection[NodeId]) -> Topology:
    """The live members that have told what they have, and their links.

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
        if node_id in live and measured is not None and member.backends:
            yield NodeResources(
                node_id=node_id,
                name=member.name,
                memory_total=measured.memory_total,
                memory_for_models=max(0, measured.memory_for_models - reserved_on(state, node_id)),
                backends=member.backends,
                transports=member.transports,
                float32_faster_than=dict(_float32_faster_than(member)),
            )


def _float32_faster_than(member: Member) -> Iterator[tuple[str, tuple[WeightKind, ...]]]:
    """By backend, as its probe found; nothing of what another version says in another way."""
    told = member.facts.get("backends")
    for backend, facts in told.items() if isinstance(told, dict) else ():
        with suppress(ValidationError):
            yield backend, _BACKEND_FACTS.validate_json(json.dumps(facts)).float32_faster_than


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
