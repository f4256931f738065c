"""In which order machines are lined up as stages: each next to the one it reaches best."""

from __future__ import annotations

from collections.abc import Sequence

from exo_core.identifiers import NodeId
from exo_core.placement import LinkMeasure, NodeResources


def orders(nodes: Sequence[NodeResources], links: Sequence[LinkMeasure]) -> list[list[NodeResources]]:
    """A few orders worth trying, the one with the best neighbours first.

    The others matter only when layers are so coarse that the first does not fit.
    """
    by_links = chain_by_links(nodes, links)
    by_memory = sorted(nodes, key=lambda node: (-node.memory_for_models, node.node_id))
    return [by_links, by_links[::-1], by_memory, by_memory[::-1]]


def chain_by_links(nodes: Sequence[NodeResources], links: Sequence[LinkMeasure]) -> list[NodeResources]:
    """Begin with the largest machine, then always take the nearest that is left."""
    distance = {pair: _cost(link) for link in links for pair in ((link.a, link.b), (link.b, link.a))}
    left = sorted(nodes, key=lambda node: (-node.memory_for_models, node.node_id))
    chain = [left.pop(0)] if left else []
    while left:
        here = chain[-1].node_id
        nearest = min(range(len(left)), key=lambda place: (_between(distance, here, left[place].node_id), place))
        chain.append(left.pop(nearest))
    return chain


def _between(distance: dict[tuple[NodeId, NodeId], float], a: NodeId, b: NodeId) -> float:
    return distance.get((a, b), float("inf"))


def _cost(link: LinkMeasure) -> float:
    """Seconds for one token's activations of some 16 KiB, as far as the link was measured."""
    round_trip = link.round_trip_ms / 1000 if link.round_trip_ms is not None else 0.001
    transfer = 16384 / link.bytes_per_s if link.bytes_per_s else 0.001
    return round_trip / 2 + transfer
