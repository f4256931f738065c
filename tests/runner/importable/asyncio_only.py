"""A third party's transport without links for threads: TCP again, under another name, by asyncio alone."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass

from exo_core.hookspecs import hookimpl
from exo_core.registers import Register
from exo_core.transports import Accept, BlockingLink, Link, Listening, Peer, Ticket, TransportContext, TransportFactory
from exo_transport_tcp.transport import TcpTransport


@dataclass(frozen=True)
class Renamed:
    """Where it listens."""

    tickets: tuple[Ticket, ...]


class AsyncioOnly:
    """See `exo_core.transports.Transport`."""

    name = "asyncio-only"

    def __init__(self, context: TransportContext) -> None:
        self._tcp = TcpTransport(context)

    def serve(self, accept: Accept) -> AbstractAsyncContextManager[Listening]:
        return self._serve(accept)

    @asynccontextmanager
    async def _serve(self, accept: Accept) -> AsyncGenerator[Listening]:
        async with self._tcp.serve(accept) as listening:
            yield Renamed(tuple(Ticket(ticket.replace("tcp:", f"{self.name}:", 1)) for ticket in listening.tickets))

    def ticket(self, endpoint: str) -> Ticket:
        return Ticket(endpoint)

    async def connect(self, ticket: Ticket, *, expect: Peer | None = None, timeout: float = 5.0) -> Link:
        tcp = Ticket(ticket.replace(f"{self.name}:", "tcp:", 1))
        return await self._tcp.connect(tcp, expect=expect, timeout=timeout)

    def listen_blocking(self) -> None:
        return None

    def connect_blocking(self, ticket: Ticket, *, expect: Peer | None = None, timeout: float = 5.0) -> BlockingLink:
        raise NotImplementedError


@hookimpl
def exo_register_transports(register: Register[TransportFactory]) -> None:
    register(AsyncioOnly.name, AsyncioOnly)
