"""Two parties on a network that can be made as bad as a test wants."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Generator
from contextlib import asynccontextmanager, contextmanager

import pytest

from exo_core.testing.chaos.chaos_blocking_link import ChaosBlockingLink
from exo_core.testing.chaos.chaos_link import ChaosLink
from exo_core.testing.chaos.chaos_transport import ChaosTransport
from exo_core.testing.chaos.fault_board import FaultBoard
from exo_core.testing.chaos.faults import Fault, Faults
from exo_core.testing.memory_network import MemoryNetwork
from exo_core.testing.parties import parties
from exo_core.transports import Identity, Link, TransportContext

PATIENCE_S = 30.0


class Storm:
    """Alice listens, bob connects."""

    def __init__(self) -> None:
        self._board = FaultBoard()
        self._network = MemoryNetwork()

    def put(self, *faults: Fault) -> None:
        """These hold from now on."""
        self._board.put(Faults(faults=faults))

    def transport(self, identity: Identity) -> ChaosTransport:
        """What a party has."""
        context = TransportContext(identity=identity)
        return ChaosTransport(self._network.transport(context), identity, self._board)

    @asynccontextmanager
    async def linked(
        self, client: Identity | None = None, *, timeout: float = 5.0
    ) -> AsyncGenerator[tuple[Link, Link]]:
        """Both ends of a new link: bob's (or `client`'s), and alice's."""
        links: asyncio.Queue[Link] = asyncio.Queue()

        async def accept(link: Link) -> None:
            links.put_nowait(link)
            await asyncio.Event().wait()

        async with asyncio.timeout(PATIENCE_S), self.transport(parties().alice).serve(accept) as listening:
            dialler = self.transport(client or parties().bob)
            near: ChaosLink = await dialler.connect(listening.tickets[0], timeout=timeout)
            yield near, await links.get()
            await near.close()

    @contextmanager
    def blocking_linked(self, *, timeout: float = 5.0) -> Generator[tuple[ChaosBlockingLink, ChaosBlockingLink]]:
        """The same for threads."""
        listener = self.transport(parties().alice).listen_blocking()
        assert listener is not None
        try:
            near = self.transport(parties().bob).connect_blocking(listener.tickets[0], timeout=timeout)
            far = listener.accept(PATIENCE_S)
            assert far is not None
            yield near, far
            near.close()
            far.close()
        finally:
            listener.close()


@pytest.fixture
def storm() -> Storm:
    """A network without faults so far."""
    return Storm()
