"""Listening under asyncio: who proves who they are in time is handed over, the others get nothing."""

from __future__ import annotations

import asyncio
import logging
import socket
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from functools import partial
from typing import final

from exo_core.errors import ConnectError
from exo_core.link_handlers import LinkHandlers
from exo_core.transports import Accept, Listening, Peer, Ticket
from exo_transport_tcp.link import TcpLink
from exo_transport_tcp.link_protocol import LinkProtocol
from exo_transport_tcp.listening_sockets import BACKLOG, tickets_of
from exo_transport_tcp.session import HANDSHAKE_SECONDS, PENDING_HANDSHAKES, server_session
from exo_transport_tcp.tls_contexts import ServerContexts

logger = logging.getLogger(__name__)


@final
class TcpListening:
    """A `Listening`, its pending handshakes and the links it handed out."""

    def __init__(self, sockets: Sequence[socket.socket], contexts: ServerContexts, accept: Accept) -> None:
        self._sockets = sockets
        self._contexts = contexts
        self._pending: dict[LinkProtocol, asyncio.TimerHandle] = {}
        self._handlers = LinkHandlers(accept)

    @property
    def tickets(self) -> Sequence[Ticket]:
        """The addresses of this machine as they are now."""
        return tickets_of(self._sockets)

    def new_connection(self) -> LinkProtocol:
        """For the event loop: somebody connected. When too many are at it, the one who is at it longest has to go."""
        if len(self._pending) >= PENDING_HANDSHAKES:
            longest = next(iter(self._pending))
            self._pending.pop(longest).cancel()
            longest.fail(ConnectError("too many handshakes at once"))
        protocol = LinkProtocol(server_session(self._contexts))
        self._pending[protocol] = asyncio.get_running_loop().call_later(
            HANDSHAKE_SECONDS, protocol.fail, ConnectError("the handshake took too long")
        )
        protocol.established.add_done_callback(partial(self._settled, protocol))
        return protocol

    async def close(self) -> None:
        """End all handshakes and close all links; handlers that do not end then are cancelled."""
        for protocol in list(self._pending):
            protocol.abort()
        await self._handlers.close()

    def _settled(self, protocol: LinkProtocol, established: asyncio.Future[Peer]) -> None:
        timer = self._pending.pop(protocol, None)
        if timer is not None:
            timer.cancel()
        problem = established.exception()
        if problem is not None:
            logger.debug("refused %s: %s", protocol.address, problem)
        elif self._handlers.is_closed:
            protocol.abort()
        else:
            self._handlers.hand_over(TcpLink(protocol))


@asynccontextmanager
async def serving(
    sockets: Sequence[socket.socket], contexts: ServerContexts, accept: Accept
) -> AsyncGenerator[Listening]:
    """Listen on these sockets while the context is open."""
    loop = asyncio.get_running_loop()
    listening = TcpListening(sockets, contexts, accept)
    servers = [await loop.create_server(listening.new_connection, sock=item, backlog=BACKLOG) for item in sockets]
    try:
        yield listening
    finally:
        for server in servers:
            server.close()
        await listening.close()
