"""Placing an instance anew after a machine went away, with as few shards moved as possible."""

from __future__ import annotations

from collections.abc import Sequence

from exo_core.cards import Card
from exo_core.identifiers import NodeId
from exo_core.placement import NodeResources, Placement, Shard
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
        home = shard.node_id if shard.node_id in present else _room_for(shard_bytes(card, placement, shard), spare)
        if home is None:
            return None
        spare.pop(home, None)
        shards.append(shard.model_copy(update={"node_id": home}))
    return placement.model_copy(update={"shards": tuple(shards)})


def _sound(card: Card, shard: Shard) -> bool:
    """Whether the shard still means something: the model may have been described anew since."""
    return shard.end_layer <= card.layers and (shard.start_layer == 0 or shard.start_layer in card.cut_points)


def _room_for(need: int, spare: dict[NodeId, NodeResources]) -> NodeId | None:
    """The machine with the most room, if that is enough."""
    best = max(spare.values(), key=lambda node: (node.memory_for_models, node.node_id), default=None)
    return best.node_id if best is not None and best.memory_for_models >= need else None
