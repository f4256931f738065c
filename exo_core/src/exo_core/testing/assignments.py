"""A model's shards for tests, without a master: its layers cut as evenly as its card allows."""

from __future__ import annotations

from collections.abc import Sequence

from exo_core.cards import Card
from exo_core.identifiers import InstanceId, NodeId, PlacementId, RunnerId
from exo_core.placement import Placement, Shard, ShardAssignment


def even_assignments(
    card: Card,
    stages: int,
    *,
    backend: str,
    nodes: Sequence[NodeId] = (NodeId("node"),),
    placement_id: str = "placement-1",
    prefill_chunk: int = 512,
) -> list[ShardAssignment]:
    """One assignment per stage; stage i lives on nodes[i % len(nodes)] in the runner `runner-i`."""
    cuts = [0, *(_nearest_cut(card, card.layers * stage / stages) for stage in range(1, stages)), card.layers]
    shards = tuple(
        Shard(
            runner_id=RunnerId(f"runner-{stage}"),
            node_id=nodes[stage % len(nodes)],
            stage=stage,
            stages=stages,
            start_layer=cuts[stage],
            end_layer=cuts[stage + 1],
        )
        for stage in range(stages)
    )
    placement = Placement(
        placement_id=PlacementId(placement_id),
        parallel="pipeline",
        backend=backend,
        shards=shards,
        prefill_chunk=prefill_chunk,
    )
    instance_id = InstanceId("instance")
    return [ShardAssignment(instance_id=instance_id, card=card, placement=placement, shard=shard) for shard in shards]


def _nearest_cut(card: Card, layer: float) -> int:
    return min(card.cut_points, key=lambda cut: abs(cut - layer))
