"""Reaching the next stage: its tickets tried by our transports, in our order of preference."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping, Sequence
from typing import Protocol, final

from exo_core.errors import ConnectError
from exo_core.runner.blocking_adapter import BlockingAdapter
from exo_core.transports import BlockingLink, Peer, Ticket, Transport

logger = logging.getLogger(__name__)

CONNECT_TIMEOUT_S = 3.0


class Dialler(Protocol):
    """Makes a link to a peer."""

    def dial(self, tickets: Sequence[str], expect: Peer) -> BlockingLink | None:
        """A link to exactly that peer, or None when no ticket works now. Blocks for seconds at most."""
        ...


@final
class TransportDialler:
    """Dials with the chosen transports. `loop` is where those without blocking links run; never call it there."""

    def __init__(self, transports: Mapping[str, Transport], loop: asyncio.AbstractEventLoop) -> None:
        self._transports = transports
        self._loop = loop

    def dial(self, tickets: Sequence[str], expect: Peer) -> BlockingLink | None:
        """Try every ticket that one of our transports understands."""
        for name, transport in self._transports.items():
            for ticket in tickets:
                if ticket.startswith(f"{name}://"):
                    link = self._try(transport, Ticket(ticket), expect)
                    if link is not None:
                        return link
        return None

    def _try(self, transport: Transport, ticket: Ticket, expect: Peer) -> BlockingLink | None:
        try:
            return self._connect(transport, ticket, expect)
        except ConnectError as problem:
            logger.info("cannot reach %s at %s: %s", expect.role, ticket, problem)
            return None

    def _connect(self, transport: Transport, ticket: Ticket, expect: Peer) -> BlockingLink:
        try:
            return transport.connect_blocking(ticket, expect=expect, timeout=CONNECT_TIMEOUT_S)
        except NotImplementedError:
            connecting = transport.connect(ticket, expect=expect, timeout=CONNECT_TIMEOUT_S)
            link = asyncio.run_coroutine_threadsafe(connecting, self._loop).result()
            return BlockingAdapter(link, self._loop)
