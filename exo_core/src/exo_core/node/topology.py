"""The cluster as placement sees it: members that are alive, what each may still give to models, and their links."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from exo_core.identifiers import NodeId
from exo_core.placement import LinkMeasure, NodeResources, Topology
from exo_core.placement_rules.memory_needs import range_bytes
from exo_core.state.state import Member, State
from exo_core.telemetry import NodeTelemetry, Telemetry


def topology_of(state: State, telemetry: Telemetry) -> Topology:
    """Members that are not dead and whose measurements are known."""
    nodes = tuple(
        _resources(state, member, measured)
        for node_id, member in sorted(state.members.items())
        if not member.dead and (measured := telemetry.nodes.get(node_id)) is not None
    )
    known = {node.node_id for node in nodes}
    links = merge_links(link for item in telemetry.nodes.values() for link in item.links)
    return Topology(nodes=nodes, links=tuple(link for link in links if {link.a, link.b} <= known))


def merge_links(links: Iterable[LinkMeasure]) -> list[LinkMeasure]:
    """Both ends report a link; keep one report of each, smaller id first."""
    merged: dict[tuple[NodeId, NodeId, str], LinkMeasure] = {}
    for link in links:
        a, b = sorted((link.a, link.b))
        merged.setdefault((a, b, link.transport), link.model_copy(update={"a": a, "b": b}))
    return [merged[key] for key in sorted(merged)]


def _resources(state: State, member: Member, measured: NodeTelemetry) -> NodeResources:
    return NodeResources(
        node_id=member.node_id,
        name=member.name,
        memory_total=measured.memory_total,
        memory_for_models=max(0, measured.memory_for_models - sum(_still_to_come(state, member.node_id))),
        backends=member.backends,
        transports=member.transports,
    )


def _still_to_come(state: State, node_id: NodeId) -> Iterator[int]:
    """Bytes that shards placed on a node will take and have not taken yet: all of it, or the KV of a loaded one."""
    for instance in state.instances.values():
        model = state.models.get(instance.request.model_id)
        if model is None or instance.placement is None:
            continue
        for shard in instance.placement.shards:
            if shard.node_id == node_id:
                record = state.runners.get(shard.runner_id)
                whole = range_bytes(model.card, shard.start_layer, shard.end_layer, instance.placement.kv_tokens)
                weights = range_bytes(model.card, shard.start_layer, shard.end_layer, 0)
                yield whole - weights if record is not None and record.ready else whole
