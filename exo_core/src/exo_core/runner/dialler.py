"""Reaching the next stage: its tickets raced by our transports, in our order of preference."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping, Sequence
from contextlib import aclosing
from functools import partial
from typing import Protocol, final

from exo_core.errors import ConnectError
from exo_core.router.race import Race
from exo_core.runner.blocking_adapter import BlockingAdapter
from exo_core.transports import BlockingLink, Peer, Ticket, Transport

logger = logging.getLogger(__name__)

CONNECT_TIMEOUT_S = 3.0
HEAD_START_S = 0.25
"""How long a ticket is tried alone before the next best is tried too."""


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
        """The first link that comes up by a ticket that one of our transports understands."""
        usable = [Ticket(ticket) for name in self._transports for ticket in tickets if ticket.startswith(f"{name}://")]
        return asyncio.run_coroutine_threadsafe(self._race(usable, expect), self._loop).result()

    async def _race(self, tickets: Sequence[Ticket], expect: Peer) -> BlockingLink | None:
        def failed(ticket: Ticket, problem: ConnectError) -> None:
            logger.info("cannot reach %s at %s: %s", expect.role, ticket, problem)

        race = Race(
            tickets,
            partial(self._connect, expect),
            failed,
            close=_close,
            sleep=asyncio.sleep,
            head_start=lambda _: HEAD_START_S,
        )
        async with aclosing(race.links()) as links:
            async for _, link in links:
                return link
        return None

    async def _connect(self, expect: Peer, ticket: Ticket) -> BlockingLink:
        transport = self._transports[ticket.partition("://")[0]]
        connecting: asyncio.Future[BlockingLink] = self._loop.run_in_executor(
            None, partial(transport.connect_blocking, ticket, expect=expect, timeout=CONNECT_TIMEOUT_S)
        )
        try:
            return await asyncio.shield(connecting)
        except asyncio.CancelledError:  # another ticket was faster; a thread cannot be stopped, only what it brings
            connecting.add_done_callback(_close_late)
            raise
        except NotImplementedError:
            link = await transport.connect(ticket, expect=expect, timeout=CONNECT_TIMEOUT_S)
            return BlockingAdapter(link, self._loop)


async def _close(link: BlockingLink) -> None:
    link.close()


def _close_late(connecting: asyncio.Future[BlockingLink]) -> None:
    if not connecting.cancelled() and connecting.exception() is None:
        connecting.result().close()
