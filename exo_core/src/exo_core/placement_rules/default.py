"""The default placement: the smallest number of machines that holds the model, its layers split evenly by free memory.

It is cut over slow links only where it fits in no other way, and over as few as possible.

Ids are left to the master, which numbers placements and keeps the runners of unchanged shards
(`exo_core.control_plane.stamp`).
"""

from __future__ import annotations

from collections.abc import Sequence

from exo_core.cards import Card, ComputeType
from exo_core.identifiers import NodeId, PlacementId, RunnerId
from exo_core.placement import DoesNotFit, LinkMeasure, NodeResources, Placement, PlacementRequest, Shard, Topology
from exo_core.placement_rules import refusals
from exo_core.placement_rules.compute_types import choices
from exo_core.placement_rules.exact import check_exact
from exo_core.placement_rules.layer_split import Cuts, split_layers
from exo_core.placement_rules.memory_needs import memory_per_node, range_bytes, reserved_tokens
from exo_core.placement_rules.neighbourhoods import tried_together
from exo_core.placement_rules.repair import repaired
from exo_core.placement_rules.stage_order import orders
from exo_core.state.state import Model, State


def place(request: PlacementRequest, topology: Topology, state: State) -> Placement | DoesNotFit:
    """Where an instance lives. An instance that has a place already keeps what of it can be kept."""
    model = state.models.get(request.model_id)
    if model is None:
        return refusals.unknown_model(request.model_id)
    if request.parallel == "tensor":
        return DoesNotFit(reason="tensor parallelism is not there yet; ask for pipeline or auto")
    nodes = _usable(request, model, topology, state)
    if isinstance(nodes, DoesNotFit):
        return nodes
    if request.placement is not None:
        return check_exact(model.card, request.placement, {node.node_id: node for node in nodes})
    return _kept(request, model.card, nodes, state) or _by_backend(request, model.card, nodes, topology.links)


def _usable(
    request: PlacementRequest, model: Model, topology: Topology, state: State
) -> tuple[NodeResources, ...] | DoesNotFit:
    """The machines that may be used, what this instance holds there counted as free."""
    if not topology.nodes:
        return refusals.no_machines()
    present = {node.node_id for node in topology.nodes}
    absent = [node_id for node_id in request.nodes if node_id not in present]
    chosen = [node for node in topology.nodes if not request.nodes or node.node_id in request.nodes]
    if not chosen:
        return refusals.absent_nodes([_name(state, node_id) for node_id in absent])
    only = model.manifest.node_id
    if only is not None:
        chosen = [node for node in chosen if node.node_id == only]
        if not chosen:
            return refusals.only_on_one_node(model.card, _name(state, NodeId(only)))
    instance = state.instances.get(request.instance_id)
    own = memory_per_node(model.card, instance.placement) if instance and instance.placement else {}
    return tuple(_with_own_memory(node, own.get(node.node_id, 0)) for node in chosen)


def _with_own_memory(node: NodeResources, own: int) -> NodeResources:
    return node.model_copy(update={"memory_for_models": node.memory_for_models + own}) if own else node


def _name(state: State, node_id: NodeId) -> str:
    member = state.members.get(node_id)
    return member.name if member else node_id


def _kept(request: PlacementRequest, card: Card, nodes: Sequence[NodeResources], state: State) -> Placement | None:
    instance = state.instances.get(request.instance_id)
    if instance is None or instance.placement is None or len(instance.placement.shards) < request.min_nodes:
        return None
    return repaired(card, instance.placement, nodes)


def _by_backend(
    request: PlacementRequest, card: Card, nodes: Sequence[NodeResources], links: Sequence[LinkMeasure]
) -> Placement | DoesNotFit:
    """The first of the card's backends with which it fits, with as much context as does; else the last refusal."""
    refusal = refusals.no_backend(card, nodes)
    for kv_tokens in reserved_tokens(card):
        for backend in card.backends:
            able = [node for node in nodes if backend in node.backends]
            answer = _among_neighbours(request, card, backend, able, links, kv_tokens) if able else refusal
            if isinstance(answer, Placement):
                return answer
            refusal = answer
    return refusal


def _among_neighbours(
    request: PlacementRequest,
    card: Card,
    backend: str,
    nodes: Sequence[NodeResources],
    links: Sequence[LinkMeasure],
    kv_tokens: int,
) -> Placement | DoesNotFit:
    """Over as few slow links as possible, and among equals on the fewest machines."""
    answers: list[Placement | DoesNotFit] = [refusals.no_backend(card, nodes)]
    for groups in tried_together(nodes, links):
        answers = [_on_fewest(request, card, backend, group, links, kv_tokens) for group in groups]
        found = [answer for answer in answers if isinstance(answer, Placement)]
        if found:
            return min(found, key=lambda placement: len(placement.shards))
    return answers[-1]


def _on_fewest(
    request: PlacementRequest,
    card: Card,
    backend: str,
    nodes: Sequence[NodeResources],
    links: Sequence[LinkMeasure],
    kv_tokens: int,
) -> Placement | DoesNotFit:
    """The smallest number of machines that fits, the largest first; at least `min_nodes` of them.

    With n machines, if any n hold the model, the n largest do.
    """
    whole = range_bytes(card, 0, card.layers, kv_tokens)
    largest = sorted(nodes, key=lambda node: (-node.memory_for_models, node.node_id))
    least = max(1, request.min_nodes)
    if least > len(largest):
        return refusals.too_few_machines(least, largest)
    if least > len(card.cut_points) + 1:
        return refusals.too_few_cuts(card, least)
    for number in range(least, len(largest) + 1):
        chosen = largest[:number]
        if sum(node.memory_for_models for node in chosen) >= whole:
            placement = _split_over(card, backend, chosen, links, kv_tokens)
            if placement is not None:
                return placement
    return refusals.too_large(card, largest, kv_tokens)


def _split_over(
    card: Card, backend: str, nodes: Sequence[NodeResources], links: Sequence[LinkMeasure], kv_tokens: int
) -> Placement | None:
    """A split over exactly these machines."""
    tries = ((order, types) for order in orders(nodes, links) for types in choices(card, backend, order))
    for order, types in sorted(tries, key=lambda attempt: attempt[1].count("stored")):
        held = [card.computed_in(compute_type) for compute_type in types]
        cuts = split_layers(held, [node.memory_for_models for node in order], kv_tokens)
        if cuts is not None:
            return _placement(backend, order, cuts, types, kv_tokens)
    return None


def _placement(
    backend: str, order: Sequence[NodeResources], cuts: Cuts, types: Sequence[ComputeType], kv_tokens: int
) -> Placement:
    shards = tuple(
        Shard(
            runner_id=RunnerId(f"stage-{stage}"),
            node_id=node.node_id,
            stage=stage,
            stages=len(order),
            start_layer=cuts[stage],
            end_layer=cuts[stage + 1],
            compute_type=types[stage],
        )
        for stage, node in enumerate(order)
    )
    return Placement(
        placement_id=PlacementId(""), parallel="pipeline", backend=backend, shards=shards, kv_tokens=kv_tokens
    )
