"""Who is no member any more, and what follows: others are let go; this node itself is to stop.

| what happens                                               | what this node does                                     |
|------------------------------------------------------------|---------------------------------------------------------|
| the log says that a member was forgotten                   | forgets where it is, hangs up, dials it no more         |
| the log says that a member left                            | the same, but gives it `GRACE_S` to hang up by itself   |
| this node's own leaving is acknowledged                    | stops: it `left`                                        |
| a member refuses this node because it left, or was         | stops: it was `struck_off`; not if the log here says    |
| forgotten; or the log here said so at its start            | that the refuser left                                   |
| a member refuses this node because another running machine | stops: its identity is `copied`                         |
| has its identity                                           |                                                         |
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from dataclasses import dataclass
from typing import Literal, final

from exo_core.clock import Clock
from exo_core.control_plane.telemetry_board import TelemetryBoard
from exo_core.identifiers import NodeId
from exo_core.node.known_peers import KnownPeers
from exo_core.router.refusals import RefusedLink
from exo_core.router.router import Router
from exo_core.state.state import State
from exo_core.task_scope import TaskScope

logger = logging.getLogger(__name__)

GRACE_S = 10.0
LINGER_S = 0.2
"""Between this node's leaving and its end: whoever typed `exo leave` hears the answer first."""


@dataclass(frozen=True, kw_only=True)
class Departure:
    """Why this node is to stop. `reason` is a sentence; empty for one that `left`, since its person knows."""

    how: Literal["left", "struck_off", "copied"]
    reason: str = ""


@final
class Departures:
    """Belongs to the node's event loop. `departure` is None while this node is to go on."""

    def __init__(
        self, *, router: Router, board: TelemetryBoard, known: KnownPeers, clock: Clock, state: Callable[[], State]
    ) -> None:
        self.departure: Departure | None = None
        self._router = router
        self._board = board
        self._known = known
        self._clock = clock
        self._state = state
        self._let_go: set[NodeId] = set()
        self._over = asyncio.Event()

    async def wait(self) -> Departure:
        """Return once this node is to stop."""
        await self._over.wait()
        assert self.departure is not None, "it is set before the event"  # noqa: S101
        return self.departure

    def left(self) -> None:
        """The cluster knows that this node leaves."""
        asyncio.get_running_loop().call_later(LINGER_S, self._stop, Departure(how="left"))

    def refused(self, link: RefusedLink) -> None:
        """This node and another will not have a link; is it because this one may not be here at all?"""
        if link.by_us:
            return
        if link.code == "membership" and link.node_id not in self._state().left:
            self._stop(Departure(how="struck_off", reason=link.reason))
        if link.code == "copied_identity" and not (link.node_id == self._router.node_id and self._router.reachable):
            self._stop(Departure(how="copied", reason=link.reason))

    async def run(self, changes: Callable[[], AsyncGenerator[None]]) -> None:
        """For ever: let go whoever the log says has gone."""
        if self._router.node_id in self._state().left:
            self._stop(Departure(how="struck_off", reason="its own log says that it left, or was forgotten"))
        async with TaskScope() as tasks, aclosing(changes()) as changed:
            async for _ in changed:
                for node_id, forgotten in self._state().left.items():
                    if node_id not in self._let_go and node_id != self._router.node_id:
                        self._let_go.add(node_id)
                        tasks.start(self._part_with(node_id, forgotten=forgotten), f"parting with {node_id}")

    async def _part_with(self, node_id: NodeId, *, forgotten: bool) -> None:
        self._forget(node_id)
        if not forgotten:
            await self._clock.sleep(GRACE_S)
        await self._router.disconnect(node_id, goodbye_reason(forgotten=forgotten))
        self._forget(node_id)

    def _forget(self, node_id: NodeId) -> None:
        self._known.forget(node_id)
        self._board.forget(node_id)

    def _stop(self, departure: Departure) -> None:
        if self.departure is None:
            self.departure = departure
            self._over.set()


def goodbye_reason(*, forgotten: bool) -> str:
    """What is said of a former member."""
    return "it was forgotten by its cluster" if forgotten else "it left its cluster"


def refusal_of(name: str, node_id: NodeId, *, forgotten: bool) -> str:
    """The sentence for a former member that calls, or is called."""
    return f"{name} ({node_id[:8]}): {goodbye_reason(forgotten=forgotten)} and needs a new identity"
