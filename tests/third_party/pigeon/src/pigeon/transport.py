"""The transport `pigeon`: mutual TLS 1.3 over Unix sockets. It has links for asyncio only; exo adapts them for threads.

A client of TLS 1.3 sees its handshake complete before the server has judged it. So the server's first message is a
welcome, and nobody is connected before it came.
"""

from __future__ import annotations

import asyncio
import logging
import ssl
from asyncio import StreamReader, StreamWriter
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import NoReturn, cast, final

from exo_core.errors import AuthenticationError, ConnectError, LinkClosed
from exo_core.identity.leaf import peer_of
from exo_core.raised_at import raised_at
from exo_core.transports import Accept, Peer, Ticket, TransportContext
from pigeon.certificates import Doorkeeper, client_context
from pigeon.link import PigeonLink
from pigeon.roost import path_of, perch, roost_folder, ticket_of

logger = logging.getLogger(__name__)

WELCOME = b"pigeon/1"
HANDSHAKE_SECONDS = 5.0
GOODBYE_SECONDS = 2.0


@dataclass(frozen=True)
class PigeonListening:
    """See `exo_core.transports.Listening`."""

    tickets: tuple[Ticket, ...]


@final
class PigeonTransport:
    """See `exo_core.transports.Transport`. The setting `folder` says where the sockets are."""

    name = "pigeon"

    def __init__(self, context: TransportContext) -> None:
        self._context = context

    def ticket(self, endpoint: str) -> Ticket:
        """`pigeon:///folder/52416.sock`."""
        return ticket_of(path_of(endpoint))

    @asynccontextmanager
    async def serve(self, accept: Accept) -> AsyncGenerator[PigeonListening]:
        """Listen; each visitor is judged, welcomed and handed to `accept` in a task of its own."""
        doorkeeper = Doorkeeper(self._context.identity, self._context.identity_named)
        visits: set[asyncio.Task[None]] = set()

        def arrive(reader: StreamReader, writer: StreamWriter) -> None:
            if not server.is_serving():  # its handshake was under way when we stopped
                writer.close()
                return
            visit = asyncio.create_task(_receive_visitor(reader, writer, doorkeeper, accept))
            visits.add(visit)
            visit.add_done_callback(visits.discard)

        with perch(roost_folder(self._context.settings), self._context.listen) as (bound, path):
            server = await asyncio.start_unix_server(
                arrive,
                sock=bound,
                ssl=doorkeeper.context,
                ssl_handshake_timeout=HANDSHAKE_SECONDS,
                ssl_shutdown_timeout=GOODBYE_SECONDS,
                start_serving=False,
            )
            try:
                await server.start_serving()
                yield PigeonListening((ticket_of(path),))
            finally:
                server.close()
                for visit in visits:
                    visit.cancel()
                await asyncio.gather(*visits, return_exceptions=True)

    async def connect(self, ticket: Ticket, *, expect: Peer | None = None, timeout: float = 5.0) -> PigeonLink:
        """Fly there, and come back with a link once we were welcomed."""
        try:
            async with asyncio.timeout(timeout):
                return await self._fly(ticket, expect)
        except TimeoutError as problem:
            message = f"{ticket} did not answer within {timeout} s"
            raise ConnectError(message) from problem
        except ssl.SSLError as problem:
            message = f"{ticket} belongs to another cluster, or does not accept us ({problem.reason})"
            raise AuthenticationError(message) from problem
        except (OSError, ValueError, LinkClosed) as problem:
            message = f"{ticket} cannot be reached: {problem}"
            raise ConnectError(message) from problem

    def listen_blocking(self) -> None:
        """None: there are no links for threads."""

    def connect_blocking(self, ticket: Ticket, *, expect: Peer | None = None, timeout: float = 5.0) -> NoReturn:
        """See `listen_blocking`."""
        raise NotImplementedError

    async def _fly(self, ticket: Ticket, expect: Peer | None) -> PigeonLink:
        identity = self._context.identity
        reader, writer = await asyncio.open_unix_connection(
            path_of(ticket),
            ssl=client_context(identity),
            server_hostname=identity.authority_name,
            ssl_handshake_timeout=HANDSHAKE_SECONDS,
            ssl_shutdown_timeout=GOODBYE_SECONDS,
        )
        try:
            peer = peer_of(_leaf(_tls(writer)), identity)
            if expect not in (None, peer):
                message = f"{peer} answered at {ticket} where {expect} was expected"
                raise AuthenticationError(message)
            link = PigeonLink(reader, writer, peer=peer, address=ticket)
            if await link.receive() != WELCOME:
                message = f"{ticket} does not speak {WELCOME.decode()}"
                raise ConnectError(message)
        except BaseException:
            writer.close()
            raise
        return link


async def _receive_visitor(reader: StreamReader, writer: StreamWriter, doorkeeper: Doorkeeper, accept: Accept) -> None:
    """Judge, welcome, hand over, and close."""
    try:
        tls = _tls(writer)
        peer = peer_of(_leaf(tls), doorkeeper.identity_in(tls.context))
        link = PigeonLink(reader, writer, peer=peer, address=f"pigeon of {peer.node_id}")
        await link.send(WELCOME)
    except (AuthenticationError, LinkClosed) as problem:
        logger.info("a visitor was turned away: %s", problem)
        writer.close()
        return
    try:
        await accept(link)
    except Exception as problem:  # one visitor's handler must not end the others
        logger.error("the handler of a link from %s failed: %s", peer.node_id, raised_at(problem))  # not what it quotes
    finally:
        await link.close()


def _tls(writer: StreamWriter) -> ssl.SSLObject:
    return cast("ssl.SSLObject", writer.get_extra_info("ssl_object"))


def _leaf(tls: ssl.SSLObject) -> bytes:
    """The certificate that the handshake proved; it is required, hence there."""
    return tls.getpeercert(binary_form=True) or b""
