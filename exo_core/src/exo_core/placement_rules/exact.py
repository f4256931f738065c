"""A placement that a person chose: taken as it is, if it can work at all."""

from __future__ import annotations

from collections.abc import Iterator

from exo_core.cards import Card
from exo_core.identifiers import NodeId
from exo_core.placement import DoesNotFit, NodeResources, Placement
from exo_core.placement_rules.memory_needs import shard_bytes
from exo_core.placement_rules.refusals import size


def check_exact(card: Card, placement: Placement, nodes: dict[NodeId, NodeResources]) -> Placement | DoesNotFit:
    """The placement, or everything that is wrong with it."""
    problems = [*_problems_of_shape(card, placement), *_problems_of_nodes(card, placement, nodes)]
    return DoesNotFit(reason="this exact placement cannot work: " + "; ".join(problems)) if problems else placement


def _problems_of_shape(card: Card, placement: Placement) -> Iterator[str]:
    shards = placement.shards
    if placement.parallel != "pipeline":
        yield "only pipelines can be placed so far"
    if not shards:
        yield "it has no shards"
    if len({shard.node_id for shard in shards}) < len(shards):
        yield "a node has two shards"
    expected = 0
    for number, shard in enumerate(shards):
        if (shard.stage, shard.stages) != (number, len(shards)):
            yield f"shard {number} calls itself stage {shard.stage} of {shard.stages}"
        if shard.start_layer != expected or shard.end_layer <= shard.start_layer:
            yield f"stage {number} has layers {shard.start_layer} to {shard.end_layer} and must begin at {expected}"
        if number and shard.start_layer not in card.cut_points:
            yield f"the model may not be cut before layer {shard.start_layer}{_why(card, shard.start_layer)}"
        expected = shard.end_layer
    if shards and expected != card.layers:
        yield f"it ends at layer {expected} and the model has {card.layers}"


def _problems_of_nodes(card: Card, placement: Placement, nodes: dict[NodeId, NodeResources]) -> Iterator[str]:
    if placement.backend not in card.backends:
        yield f"the model does not run on the backend {placement.backend}"
    for shard in placement.shards:
        node = nodes.get(shard.node_id)
        if node is None:
            yield f"node {shard.node_id} is not reachable"
            continue
        if placement.backend not in node.backends:
            yield f"{node.name} does not have the backend {placement.backend}"
        need = shard_bytes(card, placement, shard)
        if need > node.memory_for_models:
            yield f"{node.name} has {size(node.memory_for_models)} free for models and would need {size(need)}"


def _why(card: Card, layer: int) -> str:
    reasons = [cut.reason for cut in card.forbidden_cuts if cut.layer in (None, layer)]
    return f" ({'; '.join(reasons)})" if reasons else ""
