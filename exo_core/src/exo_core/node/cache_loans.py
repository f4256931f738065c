"""How is memory that no placement reserves lent to the caches of the shards on this machine? Pure.

Half of it is, so that passes have the other half. Shards get it in proportion to the caches that their placements
reserve, which is for about as many tokens each. It is a loan: whenever another model is placed here it is divided anew.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from exo_core.identifiers import RunnerId
from exo_core.placement import ShardAssignment
from exo_core.placement_rules.memory_needs import cache_bytes, shard_bytes


@dataclass(frozen=True)
class Reservation:
    """What a placement reserves for one shard here, and what of that is for its caches."""

    total: int
    for_caches: int


def reservation(assignment: ShardAssignment) -> Reservation:
    """Of a shard as it is to be loaded."""
    placed = assignment.card, assignment.placement, assignment.shard
    return Reservation(total=shard_bytes(*placed), for_caches=cache_bytes(*placed))


def fair_loans(reserved: Mapping[RunnerId, Reservation], for_models: int) -> dict[RunnerId, int]:
    """What each shard may have beyond its reservation, of the bytes that this machine gives to models in all."""
    lent = max(0, for_models - sum(each.total for each in reserved.values())) // 2
    shares = {runner_id: max(1, each.for_caches) for runner_id, each in reserved.items()}
    whole = sum(shares.values())
    return {runner_id: lent * share // whole for runner_id, share in shares.items()}
