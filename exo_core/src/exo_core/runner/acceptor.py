"""Being reached by the previous stage: a listener per transport, each link handed on as it comes."""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager

from exo_core.errors import LinkClosed
from exo_core.runner.blocking_adapter import BlockingAdapter
from exo_core.transports import Accept, BlockingLink, BlockingListener, Link, Transport

logger = logging.getLogger(__name__)

Offer = Callable[[BlockingLink], None]
"""Takes a link over; called from several threads."""


@asynccontextmanager
async def listening(transports: Mapping[str, Transport], offer: Offer) -> AsyncGenerator[tuple[str, ...]]:
    """Listen with every transport while the context is open; gives the tickets. Raises `ConnectError`."""
    async with AsyncExitStack() as opened:
        tickets: list[str] = []
        for transport in transports.values():
            listener = transport.listen_blocking()
            if listener is None:
                serving = await opened.enter_async_context(transport.serve(_adapted(offer)))
                tickets.extend(serving.tickets)
            else:
                opened.callback(listener.close)
                threading.Thread(target=_accept_all, args=(listener, offer), name="acceptor", daemon=True).start()
                tickets.extend(listener.tickets)
        yield tuple(tickets)


def _accept_all(listener: BlockingListener, offer: Offer) -> None:
    while True:
        try:
            link = listener.accept()
        except LinkClosed:
            return
        if link is not None:
            offer(link)


def _adapted(offer: Offer) -> Accept:
    async def accept(link: Link) -> None:
        loop = asyncio.get_running_loop()
        offer(BlockingAdapter(link, loop))
        await loop.create_future()  # never done: the transport closes the link when it stops serving

    return accept
