"""Members that were never introduced meet through those who know both: every node tells its peers' tickets."""

from __future__ import annotations

from collections.abc import Mapping

from exo_core.control_plane.control_plane import ControlPlane
from exo_core.control_plane.telemetry_board import TelemetryBoard
from exo_core.identifiers import NodeId
from exo_core.router.router import Router
from exo_core.telemetry import NodeTelemetry
from exo_core.transports import Ticket


async def keep_meeting(router: Router, board: TelemetryBoard, control_plane: ControlPlane) -> None:
    """For ever: have the router learn the tickets of members that it does not reach, each time they are news."""
    seen = -1
    known: dict[NodeId, tuple[Ticket, ...]] = {}
    while True:
        seen = await board.changed.wait(seen)
        wanted = control_plane.state.members.keys() - router.reachable - {router.node_id}
        for node_id, tickets in tickets_told(board.nodes).items():
            if node_id in wanted and known.get(node_id) != tickets:  # news make the router dial at once
                known[node_id] = tickets
                router.learn(node_id, tickets)


def tickets_told(nodes: Mapping[NodeId, NodeTelemetry]) -> dict[NodeId, tuple[Ticket, ...]]:
    """Everything that anybody says of how a node is reached, each ticket once."""
    told: dict[NodeId, dict[Ticket, None]] = {}
    for node in nodes.values():
        for peer, tickets in node.peers.items():
            told.setdefault(peer, {}).update(dict.fromkeys(map(Ticket, tickets)))
    return {node_id: tuple(tickets) for node_id, tickets in told.items()}
