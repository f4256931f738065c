"""How members find each other: by what was known before the start, and by what every node tells of its peers."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import final

from exo_core.control_plane.control_plane import ControlPlane
from exo_core.control_plane.telemetry_board import TelemetryBoard
from exo_core.identifiers import NodeId
from exo_core.node.known_peers import KnownPeers
from exo_core.router.router import Router
from exo_core.telemetry import NodeTelemetry
from exo_core.transports import Ticket


@final
class Introductions:
    """Has the router learn the tickets of nodes that it does not reach, and keeps those of nodes that it does."""

    def __init__(self, router: Router, board: TelemetryBoard, control_plane: ControlPlane, known: KnownPeers) -> None:
        self._router = router
        self._board = board
        self._control_plane = control_plane
        self._known = known
        self._told: dict[NodeId, tuple[Ticket, ...]] = {}

    async def run(self) -> None:
        """For ever."""
        for node_id, tickets in self._known.tickets.items():
            if node_id not in self._control_plane.state.left:
                self._router.learn(node_id, tickets)
        seen = -1
        while True:
            seen = await self._board.changed.wait(seen)
            self._keep_reached()
            self._meet_others()

    def _keep_reached(self) -> None:
        for node_id in self._router.reachable:
            hello = self._router.peer_hello(node_id)
            if hello is not None and node_id not in self._control_plane.state.left:
                self._known.learn(node_id, hello.tickets)

    def _meet_others(self) -> None:
        """Members and newcomers alike: who was let in by a follower becomes a member only once it meets the master."""
        left = self._control_plane.state.left
        reached = self._router.reachable
        for node_id, tickets in tickets_told(self._board.nodes, reached).items():
            if node_id == self._router.node_id or node_id in left:
                continue
            if self._told.get(node_id) != tickets:  # news make the router dial at once
                self._told[node_id] = tickets
                self._router.learn(node_id, tickets)


def tickets_told(
    nodes: Mapping[NodeId, NodeTelemetry], reached: Collection[NodeId]
) -> dict[NodeId, tuple[Ticket, ...]]:
    """How each node is reached: as it says itself, best first; of those not `reached` also what others say."""
    told: dict[NodeId, dict[Ticket, None]] = {}
    own_first = sorted(nodes.values(), key=lambda node: node.node_id)
    for speaker, subject in [(node, node.node_id) for node in own_first] + [
        (node, peer) for node in own_first for peer in node.peers if peer not in reached
    ]:
        tickets = speaker.peers.get(subject, ())
        if tickets:
            told.setdefault(subject, {}).update(dict.fromkeys(map(Ticket, tickets)))
    return {node_id: tuple(tickets) for node_id, tickets in told.items()}
