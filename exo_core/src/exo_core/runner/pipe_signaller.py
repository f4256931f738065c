"""A runner's `Signaller`: its messages go over the pipe to its node, which relays them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import final

from exo_core.runner.messages import SignalIn, SignalOut
from exo_core.transports import Peer

MOST_WAITING = 256
"""Messages; more are dropped, as a signaller may."""


@final
class PipeSignaller:
    """Belongs to the event loop."""

    def __init__(self, send: Callable[[SignalOut], None]) -> None:
        self._send = send
        self._incoming: asyncio.Queue[tuple[Peer, bytes]] = asyncio.Queue(MOST_WAITING)

    async def send(self, peer: Peer, message: bytes) -> None:
        """Hand a message to our node."""
        self._send(SignalOut(node_id=peer.node_id, role=peer.role, message=message))

    async def receive(self) -> tuple[Peer, bytes]:
        """The next message for us."""
        return await self._incoming.get()

    def deliver(self, signal: SignalIn) -> None:
        """Our node relayed a message."""
        if not self._incoming.full():
            self._incoming.put_nowait((Peer(node_id=signal.node_id, role=signal.role), signal.message))
