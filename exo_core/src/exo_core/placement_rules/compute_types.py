"""In which type does a machine compute a model? As it is stored, or in float32 where its device is faster with that.

Decided at placement, from what the machine has measured and the memory there is, and recorded in the shard: so what is
reserved, shown in previews and loaded is the same. A machine with too little room for float32 computes as stored.
"""

from __future__ import annotations

from collections.abc import Sequence

from exo_core.cards import Card, ComputeType
from exo_core.placement import NodeResources


def best_type(card: Card, backend: str, node: NodeResources) -> ComputeType:
    """The fastest, whatever room it takes."""
    faster = node.float32_faster_than.get(backend, ())
    return "float32" if card.in_float32 is not None and card.weight_kind in faster else "stored"


def choices(card: Card, backend: str, nodes: Sequence[NodeResources]) -> list[list[ComputeType]]:
    """For each node its type, in the ways worth trying, the fastest first."""
    fastest: list[ComputeType] = [best_type(card, backend, node) for node in nodes]
    smallest: list[ComputeType] = ["stored" for _ in nodes]
    return [fastest] if fastest == smallest else [fastest, smallest]
