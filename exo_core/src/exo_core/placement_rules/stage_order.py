"""In which order machines are lined up as stages: each next to the one it reaches best."""

from __future__ import annotations

from collections.abc import Sequence

from exo_core.placement import LinkMeasure, NodeResources
from exo_core.placement_rules.link_costs import link_costs


def orders(nodes: Sequence[NodeResources], links: Sequence[LinkMeasure]) -> list[list[NodeResources]]:
    """A few orders worth trying, the one with the best neighbours first.

    The others matter only when layers are so coarse that the first does not fit.
    """
    by_links = chain_by_links(nodes, links)
    by_memory = sorted(nodes, key=lambda node: (-node.memory_for_models, node.node_id))
    return [by_links, by_links[::-1], by_memory, by_memory[::-1]]


def chain_by_links(nodes: Sequence[NodeResources], links: Sequence[LinkMeasure]) -> list[NodeResources]:
    """Begin with the largest machine, then always take the nearest that is left."""
    costs = link_costs(links)
    left = sorted(nodes, key=lambda node: (-node.memory_for_models, node.node_id))
    chain = [left.pop(0)] if left else []
    while left:
        here = chain[-1].node_id
        nearest = min(range(len(left)), key=lambda place: (costs.get((here, left[place].node_id), float("inf")), place))
        chain.append(left.pop(nearest))
    return chain
