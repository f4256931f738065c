"""Placing an instance anew after a machine went away, with as few shards moved as possible."""

from __future__ import annotations

from collections.abc import Sequence

from exo_core.cards import Card
from exo_core.identifiers import NodeId
from exo_core.placement import NodeResources, Placement, Shard
from exo_core.placement_rules.compute_types import choices
from exo_core.placement_rules.memory_needs import shard_bytes


def repaired(card: Card, placement: Placement, nodes: Sequence[NodeResources]) -> Placement | None:
    """The same cuts, with every lost shard on a machine that has none yet; None when some shard finds no room.

    `nodes` are the usable machines, their free memory without what this instance holds there.
    """
    present = {node.node_id for node in nodes}
    if placement.parallel != "pipeline" or not all(_sound(card, shard) for shard in placement.shards):
        return None
    spare = {node.node_id: node for node in nodes if placement.backend in node.backends}
    for shard in placement.shards:
        spare.pop(shard.node_id, None)
    shards: list[Shard] = []
    for shard in placement.shards:
        kept = shard if shard.node_id in present else _moved(card, placement, shard, spare)
        if kept is None:
            return None
        spare.pop(kept.node_id, None)
        shards.append(kept)
    return placement.model_copy(update={"shards": tuple(shards)})


def _sound(card: Card, shard: Shard) -> bool:
    """Whether the shard still means something: the model may have been described anew since."""
    return shard.end_layer <= card.layers and (shard.start_layer == 0 or shard.start_layer in card.cut_points)


def _moved(card: Card, placement: Placement, shard: Shard, spare: dict[NodeId, NodeResources]) -> Shard | None:
    """The shard on the machine with the most room, in the type that suits it, if that is enough."""
    home = max(spare.values(), key=lambda node: (node.memory_for_models, node.node_id), default=None)
    if home is None:
        return None
    for (compute_type,) in choices(card, placement.backend, [home]):
        moved = shard.model_copy(update={"node_id": home.node_id, "compute_type": compute_type})
        if shard_bytes(card, placement, moved) <= home.memory_for_models:
            return moved
    return None
