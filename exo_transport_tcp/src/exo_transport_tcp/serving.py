"""Listening under asyncio: who proves who they are in time is handed over, the others get nothing."""

from __future__ import annotations

import asyncio
import logging
import socket
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from functools import partial
from typing import final

from exo_core.errors import ConnectError, ExoError
from exo_core.transports import Accept, Listening, Peer, Ticket
from exo_transport_tcp.link import TcpLink
from exo_transport_tcp.link_protocol import LinkProtocol
from exo_transport_tcp.listening_sockets import BACKLOG, tickets_of
from exo_transport_tcp.session import HANDSHAKE_SECONDS, PENDING_HANDSHAKES, server_session
from exo_transport_tcp.tls_contexts import ServerContexts

logger = logging.getLogger(__name__)

HANDLER_SECONDS = 1.0
"""How long the handler of a closed link may take to notice."""


@final
class TcpListening:
    """A `Listening`, its pending handshakes and the links it handed out."""

    def __init__(self, sockets: Sequence[socket.socket], contexts: ServerContexts, accept: Accept) -> None:
        self._sockets = sockets
        self._contexts = contexts
        self._accept = accept
        self._pending: dict[LinkProtocol, asyncio.TimerHandle] = {}
        self._links: dict[TcpLink, asyncio.Task[None]] = {}
        self._closed = False

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
        self._closed = True
        for protocol in list(self._pending):
            protocol.abort()
        handlers = list(self._links.values())
        _ = await asyncio.gather(*(link.close() for link in list(self._links)))
        if handlers:
            _, busy = await asyncio.wait(handlers, timeout=HANDLER_SECONDS)
            for handler in busy:
                _ = handler.cancel()
            _ = await asyncio.gather(*handlers, return_exceptions=True)

    def _settled(self, protocol: LinkProtocol, established: asyncio.Future[Peer]) -> None:
        timer = self._pending.pop(protocol, None)
        if timer is not None:
            timer.cancel()
        problem = established.exception()
        if problem is not None:
            logger.debug("refused %s: %s", protocol.address, problem)
        elif self._closed:
            protocol.abort()
        else:
            link = TcpLink(protocol)
            self._links[link] = asyncio.create_task(self._hand_over(link))

    async def _hand_over(self, link: TcpLink) -> None:
        try:
            await self._accept(link)
        except ExoError as problem:
            logger.debug("%r: %s", link, problem)
        except Exception:  # one link's handler must not end the others
            logger.exception("%r: its handler failed", link)
        finally:
            await link.close()
            del self._links[link]


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
