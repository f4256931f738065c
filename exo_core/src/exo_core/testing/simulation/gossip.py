"""What a virtual node measures of itself and hears of others: once a second, and soon when something changed."""

from __future__ import annotations

from collections.abc import Callable
from typing import final

from exo_core.identifiers import NodeId
from exo_core.telemetry import NodeTelemetry

INTERVAL_S = 1.0
SHORTEST_S = 0.1


@final
class Gossip:
    """The telemetry board of the driver, without a task of its own: `due` is asked at every tick."""

    def __init__(self, measure: Callable[[int], NodeTelemetry]) -> None:
        self._measure = measure
        self._sequence = 0
        self._published_at = float("-inf")
        self._due_at = float("-inf")
        self.newest: dict[NodeId, NodeTelemetry] = {}

    def poke(self) -> None:
        """Something changed: tell it soon."""
        self._due_at = min(self._due_at, self._published_at + SHORTEST_S)

    def due(self, now: float) -> NodeTelemetry | None:
        """What to send to everybody now, if anything."""
        if now < self._due_at:
            return None
        self._published_at, self._due_at = now, now + INTERVAL_S
        self._sequence += 1
        mine = self._measure(self._sequence)
        self.newest[mine.node_id] = mine
        return mine

    def hear(self, told: NodeTelemetry) -> None:
        """A newer message of a node replaces the older."""
        known = self.newest.get(told.node_id)
        if known is None or known.boot != told.boot or known.sequence < told.sequence:
            self.newest[told.node_id] = told
