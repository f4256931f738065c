"""With whom is there no link because one of the two will not have it, and why? For people, and for the node itself."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import final

from exo_core.clock import Clock
from exo_core.identifiers import NodeId

KEPT_S = 60.0
"""Whoever is refused tries again every few seconds, so what is older is over."""
MOST_KEPT = 64


@dataclass(frozen=True, kw_only=True)
class RefusedLink:
    """`by_us`: this node refused; else the other did. `code` as in `Refusal`, `reason` for people."""

    node_id: NodeId
    name: str
    code: str
    reason: str
    by_us: bool


@final
class Refusals:
    """The newest refusal between this node and each other one, until they meet or it is old."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._newest: dict[NodeId, tuple[float, RefusedLink]] = {}

    def note(self, refused: RefusedLink) -> None:
        """There will be no link."""
        self._newest.pop(refused.node_id, None)
        self._newest[refused.node_id] = self._clock.now(), refused
        while len(self._newest) > MOST_KEPT:
            del self._newest[next(iter(self._newest))]

    def met(self, node_id: NodeId) -> None:
        """There is a link after all."""
        self._newest.pop(node_id, None)

    @property
    def recent(self) -> Sequence[RefusedLink]:
        """Those that still hold, the oldest first."""
        horizon = self._clock.now() - KEPT_S
        return [refused for at, refused in self._newest.values() if at >= horizon]
