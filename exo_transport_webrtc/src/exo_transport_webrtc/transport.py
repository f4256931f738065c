"""The transport `webrtc`: what the core is given."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import final

from exo_core.errors import AuthenticationError, ConnectError
from exo_core.identity.leaf import RUNNER_PREFIX
from exo_core.task_scope import TaskScope
from exo_core.transports import Accept, BlockingLink, Listening, Peer, Ticket, TransportContext
from exo_transport_webrtc.by_hand import WebrtcHandAnswer, answer_offer
from exo_transport_webrtc.exchange import Exchange
from exo_transport_webrtc.link import WebrtcLink
from exo_transport_webrtc.listening import WebrtcListening
from exo_transport_webrtc.open_ways import OpenWays
from exo_transport_webrtc.path_making import PathMaker
from exo_transport_webrtc.tickets import SCHEME, Address, parse_ticket
from exo_transport_webrtc.webrtc_settings import parse_settings


@final
class WebrtcTransport:
    """A `Transport`: see the contract there."""

    def __init__(self, context: TransportContext) -> None:
        """Raises `UserError` for a setting that cannot be meant."""
        self._context = context
        self._settings = parse_settings(context.settings)
        self._exchange = Exchange(context.identity, context.identity_named)
        self._maker = PathMaker(self._exchange, self._settings)
        self._ways = OpenWays(context, self._settings, self._exchange.take)

    @property
    def name(self) -> str:
        """`webrtc`."""
        return SCHEME

    def serve(self, accept: Accept) -> AbstractAsyncContextManager[Listening]:
        """Can be called while the context is open."""
        return self._serve(accept)

    @asynccontextmanager
    async def _serve(self, accept: Accept) -> AsyncGenerator[Listening]:
        async with self._ways.waiting_for_calls(), TaskScope() as scope:
            listening = WebrtcListening(self._maker, accept, scope, lambda: [self._own_ticket])
            self._exchange.on_call = listening.called
            try:
                yield listening
            finally:
                self._exchange.on_call = None
                await listening.close()

    def ticket(self, endpoint: str) -> Ticket:
        """`webrtc://NODE`, `webrtc://NODE?via=wss://HOST:PORT`. Raises `ValueError`."""
        return parse_ticket(endpoint).ticket

    async def connect(self, ticket: Ticket, *, expect: Peer | None = None, timeout: float = 5.0) -> WebrtcLink:
        """A new authenticated link."""
        try:
            address = parse_ticket(ticket)
        except ValueError as problem:
            raise ConnectError(str(problem)) from problem
        peer = address.peer(self._context.identity.role)
        if expect not in {None, peer}:
            message = f"{ticket} leads to {peer.node_id} ({peer.role}), where {expect} was expected"
            raise AuthenticationError(message)
        link = await self._called(address, peer, timeout)
        if peer.role == "node":
            self._ways.learn(address.rendezvous)
        return link

    async def _called(self, address: Address, peer: Peer, timeout: float) -> WebrtcLink:
        async with self._ways.to(address) as ways:
            try:
                async with asyncio.timeout(timeout):
                    return await self._maker.call(peer, ways)
            except TimeoutError as problem:
                reason = self._ways.problems(address) or "nobody answered, or no two addresses reach each other"
                message = f"{address.ticket}: no path within {timeout:g} s: {reason}"
                raise ConnectError(message) from problem

    async def answer_by_hand(self, offer: bytes) -> WebrtcHandAnswer:
        """See `AnswersByHand`."""
        return await answer_offer(offer, self._context.identity, self._settings)

    def listen_blocking(self) -> None:
        """None: there are no links for threads."""
        return

    def connect_blocking(self, ticket: Ticket, *, expect: Peer | None = None, timeout: float = 5.0) -> BlockingLink:
        """Raises `NotImplementedError`, as the contract wants it where there are no links for threads."""
        raise NotImplementedError

    @property
    def _own_ticket(self) -> Ticket:
        identity = self._context.identity
        runner = identity.role.removeprefix(RUNNER_PREFIX) if identity.role.startswith(RUNNER_PREFIX) else None
        return Address(identity.node_id, runner, self._ways.rendezvous).ticket

    def __repr__(self) -> str:
        return f"WebrtcTransport({self._context.identity!r})"
