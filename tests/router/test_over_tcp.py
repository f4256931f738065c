"""The router is a messenger over the real transport too."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager

import pytest

from exo_core.identifiers import NO_EPOCH, BootId, ClusterId
from exo_core.messaging import Messenger
from exo_core.node.real_clock import RealClock, SystemRng
from exo_core.router.router import Router
from exo_core.testing.memory_routers import until_reachable
from exo_core.testing.messenger_conformance import MessengerConformance
from exo_core.testing.parties import parties
from exo_core.transports import Identity, Ticket, TransportContext
from exo_core.wire.hello import Hello
from exo_transport_tcp.transport import TcpTransport


@asynccontextmanager
async def tcp_router(identity: Identity) -> AsyncGenerator[tuple[Router, Ticket]]:
    """A router that listens on this machine."""
    transport = TcpTransport(TransportContext(identity=identity, listen="127.0.0.1:0"))
    tickets: list[Ticket] = []

    def hello() -> Hello:
        return Hello(
            exo_version="0.1.0",
            cluster_id=ClusterId("cluster"),
            node_id=identity.node_id,
            boot=BootId(1),
            name=identity.node_id[:4],
            epoch=NO_EPOCH,
            consistency=None,
            plugins=(),
            election="bully",
            reducer_fingerprint="",
            tickets=tuple(tickets),
        )

    router = Router(node_id=identity.node_id, transports=[transport], hello=hello, clock=RealClock(), rng=SystemRng())
    async with transport.serve(router.accept) as listening:
        tickets += listening.tickets
        async with router.running():
            yield router, tickets[0]


class TestRouterOverTcp(MessengerConformance):
    @pytest.fixture
    async def messengers(self) -> AsyncIterator[tuple[Messenger, Messenger]]:
        async with tcp_router(parties().alice) as (alice, at_alice), tcp_router(parties().bob) as (bob, _):
            bob.add_peer(at_alice)
            await until_reachable(alice, bob.node_id)
            await until_reachable(bob, alice.node_id)
            yield alice, bob
