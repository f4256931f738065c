"""Built-in plugin `election_priority`: every node wants to lead equally much."""

from __future__ import annotations

from typing import TYPE_CHECKING

from exo_core.hookspecs import hookimpl

if TYPE_CHECKING:
    from exo_core.identifiers import NodeId
    from exo_core.state.state import State


@hookimpl(trylast=True)
def exo_election_priority(node_id: NodeId, state: State) -> int:
    """0."""
    del node_id, state
    return 0
