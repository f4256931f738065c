"""What a link between two machines costs a token that crosses it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from exo_core.identifiers import NodeId
from exo_core.placement import LinkMeasure

_BYTES = 16384
"""Of a token's hidden states, in a large model."""
_UNKNOWN_S = 0.001
"""There and back, or for those bytes, where that was not measured."""


def link_costs(links: Iterable[LinkMeasure]) -> Mapping[tuple[NodeId, NodeId], float]:
    """Seconds for one token's hidden states between two machines, in either order, over the best of their links."""
    costs: dict[tuple[NodeId, NodeId], float] = {}
    for link in links:
        for pair in ((link.a, link.b), (link.b, link.a)):
            costs[pair] = min(_cost(link), costs.get(pair, float("inf")))
    return costs


def _cost(link: LinkMeasure) -> float:
    round_trip = link.round_trip_ms / 1000 if link.round_trip_ms is not None else _UNKNOWN_S
    transfer = _BYTES / link.bytes_per_s if link.bytes_per_s else _UNKNOWN_S
    return round_trip / 2 + transfer
