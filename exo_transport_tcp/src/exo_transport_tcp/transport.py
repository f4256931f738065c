"""The transport `tcp`: what the core is given."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import final

from exo_core.errors import AuthenticationError, ConnectError
from exo_core.transports import Accept, Listening, Peer, Ticket, TransportContext
from exo_transport_tcp.blocking_link import TcpBlockingLink, connect_blocking_link
from exo_transport_tcp.blocking_listener import TcpBlockingListener
from exo_transport_tcp.endpoints import SCHEME, Endpoint, ListenAddress, parse_endpoint, parse_listen
from exo_transport_tcp.link import TcpLink
from exo_transport_tcp.link_protocol import LinkProtocol
from exo_transport_tcp.listening_sockets import open_listening_sockets
from exo_transport_tcp.serving import serving
from exo_transport_tcp.session import client_session
from exo_transport_tcp.tls_contexts import ServerContexts

NEXT_ADDRESS_SECONDS = 0.25
"""A host with several addresses: how long one is tried alone (RFC 8305)."""


@final
class TcpTransport:
    """A `Transport`: see the contract there."""

    def __init__(self, context: TransportContext) -> None:
        self._context = context

    @property
    def name(self) -> str:
        """`tcp`."""
        return SCHEME

    def serve(self, accept: Accept) -> AbstractAsyncContextManager[Listening]:
        """Listen while the context is open."""
        return self._serve(accept)

    @asynccontextmanager
    async def _serve(self, accept: Accept) -> AsyncGenerator[Listening]:
        sockets = open_listening_sockets(self._listen_address(), role=self._context.identity.role)
        contexts = ServerContexts(self._context.identity, self._context.identity_named)
        async with serving(sockets, contexts, accept) as listening:
            yield listening

    def ticket(self, endpoint: str) -> Ticket:
        """`10.0.0.2`, `host:52416`, `tcp://[2001:db8::1]:52416`. Raises `ValueError`."""
        return parse_endpoint(endpoint).ticket

    async def connect(self, ticket: Ticket, *, expect: Peer | None = None, timeout: float = 5.0) -> TcpLink:
        """A new authenticated link."""
        endpoint = _endpoint_of(ticket)
        session = client_session(self._context.identity, expect=expect)
        protocol = LinkProtocol(session)
        try:
            async with asyncio.timeout(timeout):
                _ = await asyncio.get_running_loop().create_connection(
                    lambda: protocol, endpoint.host, endpoint.port, happy_eyeballs_delay=NEXT_ADDRESS_SECONDS
                )
                _ = await protocol.established
        except TimeoutError as problem:
            message = f"{endpoint} did not answer within {timeout:g} s"
            raise ConnectError(message) from problem
        except (OSError, UnicodeError) as problem:  # the latter: no name that can be looked up
            message = f"cannot reach {endpoint}: {_words(problem)}"
            raise ConnectError(message) from problem
        except ConnectError as problem:
            raise _about(endpoint, problem) from problem
        finally:
            if not _succeeded(protocol):
                protocol.abort()
        return TcpLink(protocol)

    def listen_blocking(self) -> TcpBlockingListener:
        """A listener for threads. It answers under our own authority only: join codes are for `serve`."""
        sockets = open_listening_sockets(self._listen_address(), role=self._context.identity.role)
        return TcpBlockingListener(sockets, ServerContexts(self._context.identity, lambda _: None))

    def connect_blocking(self, ticket: Ticket, *, expect: Peer | None = None, timeout: float = 5.0) -> TcpBlockingLink:
        """A new authenticated link for threads."""
        endpoint = _endpoint_of(ticket)
        try:
            return connect_blocking_link(self._context.identity, endpoint, expect=expect, timeout=timeout)
        except ConnectError as problem:
            raise _about(endpoint, problem) from problem

    def _listen_address(self) -> ListenAddress:
        try:
            return parse_listen(self._context.listen)
        except ValueError as problem:
            raise ConnectError(str(problem)) from problem

    def __repr__(self) -> str:
        return f"TcpTransport({self._context.identity!r}, listen={self._context.listen})"


def _endpoint_of(ticket: Ticket) -> Endpoint:
    try:
        return parse_endpoint(ticket)
    except ValueError as problem:
        raise ConnectError(str(problem)) from problem


def _succeeded(protocol: LinkProtocol) -> bool:
    established = protocol.established
    return established.done() and not established.cancelled() and established.exception() is None


def _words(problem: Exception) -> str:
    return (problem.strerror if isinstance(problem, OSError) else None) or str(problem)


def _about(endpoint: Endpoint, problem: ConnectError) -> ConnectError:
    kind = AuthenticationError if isinstance(problem, AuthenticationError) else ConnectError
    return kind(f"{endpoint}: {problem}")
