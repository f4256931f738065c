"""Control planes over memory routers: nodes without models, engines or HTTP, for tests of what they agree on."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Literal

from exo_core.built_in import built_in_plugins
from exo_core.control_plane.control_plane import ControlPlane
from exo_core.control_plane.telemetry_board import TelemetryBoard
from exo_core.event_logs import EventLog
from exo_core.identifiers import BootId, NodeId
from exo_core.node.real_clock import RealClock
from exo_core.plugins.manager import Plugins
from exo_core.router.router import Router
from exo_core.state.events import NodeFactsGathered
from exo_core.telemetry import NodeTelemetry, RunnerTelemetry
from exo_core.testing.memory_network import MemoryNetwork
from exo_core.testing.memory_routers import memory_router
from exo_core.testing.seeded_rng import SeededRng

GIGABYTE = 10**9


@dataclass(kw_only=True)
class TestNode:
    """A running control plane and what it is made of. Change `runners` and poke the board to report them."""

    __test__ = False

    router: Router
    board: TelemetryBoard
    control_plane: ControlPlane
    runners: list[RunnerTelemetry]


@asynccontextmanager
async def control_plane_node(
    network: MemoryNetwork,
    name: str,
    log: EventLog,
    *,
    peers: Sequence[Router] = (),
    creator: bool = False,
    boot: int = 1,
    memory: int = GIGABYTE,
    plugins: Plugins | None = None,
    consistency: Literal["availability", "majority"] = "availability",
    reopen: Callable[[], EventLog] | None = None,
) -> AsyncGenerator[TestNode]:
    """A node named `name` whose machine has the backend `echo` and `memory` bytes for models."""
    clock = RealClock()
    runners: list[RunnerTelemetry] = []
    async with memory_router(network, name, peers=peers, boot=boot) as router:

        def measure(sequence: int) -> NodeTelemetry:
            return NodeTelemetry(
                node_id=NodeId(name),
                boot=BootId(boot),
                sequence=sequence,
                version="0.1.0",
                name=f"{name}'s machine",
                memory_total=memory,
                memory_free=memory,
                memory_for_models=memory,
                log_length=plane.log_view.length,
                runners=tuple(runners),
            )

        board = TelemetryBoard(messenger=router, clock=clock, measure=measure)
        plane = ControlPlane(
            node_id=NodeId(name),
            boot=BootId(boot),
            name=f"{name}'s machine",
            version="0.1.0",
            messenger=router,
            log=log,
            clock=clock,
            rng=SeededRng(boot),
            plugins=plugins or Plugins(built_in=built_in_plugins(), points=[]),
            telemetry=board,
            is_creator=creator,
            consistency=consistency,
            reopen=reopen,
        )
        async with plane.running():
            facts = NodeFactsGathered(
                node_id=NodeId(name), memory_total=memory, backends=("echo",), transports=("memory",), facts={}
            )
            plane.offer_soon(facts)
            yield TestNode(router=router, board=board, control_plane=plane, runners=runners)


async def until(plane: ControlPlane, holds: Callable[[ControlPlane], bool], timeout: float = 10.0) -> None:
    """Return once that holds of a control plane. Raises `TimeoutError`."""
    async with asyncio.timeout(timeout):
        while not holds(plane):
            seen = plane.changed.version
            if not holds(plane):
                await plane.changed.wait(seen)
