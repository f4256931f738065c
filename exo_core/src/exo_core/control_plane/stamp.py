"""Ids of placements and runners: given by the master, whatever plugin chose the place.

A placement id grows with every decision ((term, number) comes first), so that "newer" is a comparison of ids. A shard
that is exactly as before (same node, layers, position, backend and caches) keeps its runner; others get a new one.
"""

from __future__ import annotations

from collections.abc import Iterable

from exo_core.identifiers import Epoch, NodeId, PlacementId, RunnerId
from exo_core.placement import Placement, Shard

_Role = tuple[NodeId, int, int, int, int, str, str, str, int, int]


def placement_id(epoch: Epoch, number: int) -> PlacementId:
    """The id of the placement that is conclusion `number` of an epoch's master."""
    return PlacementId(f"{epoch.term:010d}-{number:06d}-{epoch.master_id[:8]}")


def stamp(placement: Placement, name: PlacementId, earlier: Iterable[Placement]) -> Placement:
    """The placement under its id, with the runners of `earlier` placements of the instance (the best last) kept."""
    runners = {_role(other, shard): shard.runner_id for other in earlier for shard in other.shards}
    shards = tuple(
        shard.model_copy(
            update={"runner_id": runners.get(_role(placement, shard)) or RunnerId(f"{name}.{shard.stage}")}
        )
        for shard in placement.shards
    )
    return placement.model_copy(update={"placement_id": name, "shards": shards})


def _role(placement: Placement, shard: Shard) -> _Role:
    return (
        shard.node_id,
        shard.stage,
        shard.stages,
        shard.start_layer,
        shard.end_layer,
        shard.compute_type,
        placement.backend,
        placement.parallel,
        placement.prefill_chunk,
        placement.kv_tokens,
    )
