"""A post office: what carries signals between transports of one process, as the cluster's links do between nodes."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Callable
from dataclasses import replace
from typing import final

from exo_core.transports import Identity, Peer, TransportContext
from exo_transport_webrtc.transport import WebrtcTransport

Spoil = Callable[[Peer, bytes], list[bytes]]


@final
class Mailbox:
    """The `Signaller` of one transport."""

    def __init__(self, office: PostOffice, owner: Identity) -> None:
        self.owner = Peer(node_id=owner.node_id, role=owner.role)
        self.arrived: asyncio.Queue[tuple[Peer, bytes]] = asyncio.Queue()
        self._office = office

    async def send(self, peer: Peer, message: bytes) -> None:
        """See `Signaller`."""
        self._office.deliver(self.owner, peer, message)

    async def receive(self) -> tuple[Peer, bytes]:
        """See `Signaller`."""
        return await self.arrived.get()


@final
class PostOffice:
    """Brings each signal to all transports of the machine that it is for. `spoil` may change, drop or repeat it."""

    def __init__(self) -> None:
        self._boxes: dict[str, list[Mailbox]] = defaultdict(list)
        self.carried: list[tuple[Peer, Peer, bytes]] = []
        self.spoil: Spoil = lambda _, message: [message]

    def transport(self, context: TransportContext) -> WebrtcTransport:
        """A transport whose signals go by this office."""
        box = Mailbox(self, context.identity)
        self._boxes[context.identity.node_id].append(box)
        return WebrtcTransport(replace(context, signaller=box))

    def deliver(self, sender: Peer, peer: Peer, message: bytes) -> None:
        """Bring a signal, as `spoil` has it."""
        self.carried.append((sender, peer, message))
        for changed in self.spoil(peer, message):
            for box in self._boxes[peer.node_id]:
                box.arrived.put_nowait((sender, changed))
