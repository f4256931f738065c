"""What this node knows of the others: who is alive, with which priority, in which epoch."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import final

from exo_core.election.liveness import Liveness
from exo_core.election.messages import Heartbeat
from exo_core.identifiers import Epoch, NodeId


@dataclass(frozen=True)
class _Seat:
    """What a heartbeat said of its sender."""

    priority: int
    epoch: Epoch
    attached: bool  # leads or follows in that epoch


@final
class Roster:
    """Built from heartbeats; nothing of it is durable."""

    def __init__(self, me: NodeId, now: float) -> None:
        self._me = me
        self.liveness = Liveness(now)
        self._seats: dict[NodeId, _Seat] = {}

    def take(self, sender: NodeId, beat: Heartbeat, now: float) -> None:
        """Remember what a heartbeat says."""
        self._seats[sender] = _Seat(beat.priority, beat.epoch, beat.leads or beat.follows)
        self.liveness.learn(beat.heard, now, self._me)

    def gone(self, node_id: NodeId) -> None:
        """It said farewell."""
        self.liveness.gone(node_id)
        self._seats.pop(node_id, None)

    def followers(self, peers: Iterable[NodeId], epoch: Epoch, now: float) -> frozenset[NodeId]:
        """Live peers whose last heartbeat was of that epoch."""
        return frozenset(node_id for node_id in self.liveness.live(peers, now) if self._attached(node_id, epoch))

    def _attached(self, node_id: NodeId, epoch: Epoch) -> bool:
        seat = self._seats.get(node_id)
        return seat is not None and seat.attached and seat.epoch == epoch

    def rank(self, priority: int, members: Iterable[NodeId], now: float) -> int:
        """How many live members come before this node by (priority, node id)."""
        mine = (priority, self._me)
        live = self.liveness.live(members, now) - {self._me}
        return sum(1 for node_id in live if (self._priority_of(node_id), node_id) > mine)

    def _priority_of(self, node_id: NodeId) -> int:
        seat = self._seats.get(node_id)
        return seat.priority if seat is not None else 0
