"""Routers on a memory network: the least that is needed for nodes to talk."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any, Final

from exo_core.identifiers import NO_EPOCH, BootId, ClusterId, NodeId
from exo_core.node.real_clock import RealClock
from exo_core.router.router import Router
from exo_core.router.settings import RouterSettings
from exo_core.testing.memory_network import MemoryNetwork
from exo_core.testing.seeded_rng import SeededRng
from exo_core.transports import Identity, Ticket, TransportContext
from exo_core.wire.hello import Hello, Judge

PATIENCE: Final = RouterSettings(
    connect_timeout=1.0,
    head_start=0.02,
    relay_patience=0.05,
    improve_first=0.05,
    improve_most=0.2,
    handshake_timeout=1.0,
    ping_interval=0.05,
    dead_after=0.4,
    probe_timeout=0.2,
    backoff_first=0.01,
    goodbye_timeout=0.5,
    backoff_most=0.1,
)
"""Settings for tests: as in earnest, but shorter."""

_boots: Final = itertools.count(1)


def memory_identity(name: str, *, cluster: str = "cluster", role: str = "node") -> Identity:
    """An identity that a memory network believes. It holds no key."""
    return Identity(
        node_id=NodeId(name),
        role=role,
        certificate_chain_pem=b"",
        private_key_pem=b"",
        authority_pem=cluster.encode(),
        authority_name=cluster,
    )


@asynccontextmanager
async def memory_router(
    network: MemoryNetwork,
    name: str,
    *,
    peers: Sequence[Router | Ticket] = (),
    cluster: str = "cluster",
    listen: str | None = None,
    boot: int | None = None,
    changes: Mapping[str, Any] | None = None,
    judge: Judge = lambda _: None,
    settings: RouterSettings = PATIENCE,
    seed: int = 0,
) -> AsyncGenerator[Router]:
    """A running router that listens as `memory://NAME:1`. `changes` alter its Hello."""
    transport = network.transport(
        TransportContext(identity=memory_identity(name, cluster=cluster), listen=listen or f"{name}:1")
    )
    tickets: list[Ticket] = []
    own_boot = BootId(next(_boots) if boot is None else boot)

    def hello() -> Hello:
        plain = Hello(
            exo_version="0.1.0",
            cluster_id=ClusterId(cluster),
            node_id=NodeId(name),
            boot=own_boot,
            name=f"{name}'s machine",
            epoch=NO_EPOCH,
            consistency="availability",
            plugins=(),
            election="bully",
            reducer_fingerprint="",
            tickets=tuple(tickets),
        )
        return plain.model_copy(update=changes or {})

    router = Router(
        node_id=NodeId(name),
        transports=[transport],
        hello=hello,
        judge=judge,
        clock=RealClock(),
        rng=SeededRng(seed),
        settings=settings,
    )
    async with transport.serve(router.accept) as listening:
        tickets += listening.tickets
        async with router.running():
            for peer in peers:
                router.add_peer(Ticket(f"memory://{peer.node_id}:1") if isinstance(peer, Router) else peer)
            yield router


async def eventually(condition: Callable[[], bool], timeout: float = 5.0) -> None:
    """Return once `condition` holds; for what nothing announces. Raises `TimeoutError`."""
    async with asyncio.timeout(timeout):
        while not condition():
            await asyncio.sleep(0.001)


async def until_reachable(router: Router, *peers: str, timeout: float = 5.0) -> None:
    """Return once `router` reaches exactly these peers. Raises `TimeoutError`."""
    wanted = frozenset(map(NodeId, peers))
    async with asyncio.timeout(timeout):
        if router.reachable == wanted:
            return
        async for _ in router.peer_changes():
            if router.reachable == wanted:
                return
