"""Who sits before and after a shard in its pipeline, and how each can be reached now."""

from __future__ import annotations

from exo_core.identifiers import Epoch
from exo_core.placement import Shard, ShardAssignment
from exo_core.runner.messages import Neighbour, Neighbours
from exo_core.telemetry import Telemetry


def neighbours_of(assignment: ShardAssignment, telemetry: Telemetry, epoch: Epoch) -> Neighbours | None:
    """The ring around a shard; None for an instance of one stage, or while the next stage has published no tickets."""
    shards = assignment.placement.shards
    if len(shards) == 1:
        return None
    place = shards.index(assignment.shard)
    following = _neighbour(shards[(place + 1) % len(shards)], telemetry)
    previous = _neighbour(shards[place - 1], telemetry)
    return Neighbours(epoch=epoch, previous=previous, following=following) if following.tickets else None


def _neighbour(shard: Shard, telemetry: Telemetry) -> Neighbour:
    measured = telemetry.nodes.get(shard.node_id)
    tickets = next(
        (runner.tickets for runner in (measured.runners if measured else ()) if runner.runner_id == shard.runner_id), ()
    )
    return Neighbour(node_id=shard.node_id, runner_id=shard.runner_id, tickets=tickets)
