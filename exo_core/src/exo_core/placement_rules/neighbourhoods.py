"""Which machines reach each other quickly, and which of them are tried together first.

A slow link between two stages costs every token its way, so a model is cut there only if it fits nowhere else: not in
one neighbourhood of quick links, whether it takes more machines there or not; then in two; and so on.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from exo_core.identifiers import NodeId
from exo_core.placement import LinkMeasure, NodeResources
from exo_core.placement_rules.link_costs import link_costs

SLOW_S = 0.005
"""A token's way over a link that is slow: at 8 ms there and back, where nothing else is known of it. Machines in one
house are well below that, also by Wi-Fi, machines in two houses hardly ever.
"""

Neighbourhood = Sequence[NodeResources]


def neighbourhoods(nodes: Sequence[NodeResources], links: Sequence[LinkMeasure]) -> list[Neighbourhood]:
    """The machines that quick links connect, directly or over others; those with the most memory first.

    As long as no link is known at all, all are taken for neighbours.
    """
    left, found = sorted(nodes, key=lambda node: (-node.memory_for_models, node.node_id)), list[Neighbourhood]()
    if not links:
        return [left]
    quick = {pair for pair, seconds in link_costs(links).items() if seconds < SLOW_S}
    while left:
        found.append(group := _reached(left.pop(0), left, quick))
        left = [node for node in left if node not in group]
    return sorted(found, key=_memory, reverse=True)


def tried_together(nodes: Sequence[NodeResources], links: Sequence[LinkMeasure]) -> Iterator[list[Neighbourhood]]:
    """Sets of machines of which one is to hold the model, best first: those in one list have equally few slow links.

    The last one is all of them.
    """
    groups = neighbourhoods(nodes, links)
    yield groups
    for number in range(2, len(groups) + 1):
        yield [[node for group in groups[:number] for node in group]]


def _reached(first: NodeResources, others: Sequence[NodeResources], quick: set[tuple[NodeId, NodeId]]) -> Neighbourhood:
    reached = [first]
    for here in reached:  # which grows meanwhile
        reached += [node for node in others if node not in reached and (here.node_id, node.node_id) in quick]
    return reached


def _memory(group: Neighbourhood) -> int:
    return sum(node.memory_for_models for node in group)
