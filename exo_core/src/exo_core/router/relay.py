"""Two members that have no link of their own: how do they get one over a third?

A link is carried by two streams: one from the dialler to the relay, which names whom it wants, and one from the relay
to that node, which names who wants it. Over the two runs a link like any other, with an introduction, pings, priorities
and streams of its own; to everything above it the two simply reach each other. Hence:

- The origin is named by the relay, as the certificate of its link proves it, never by the sender: nobody can pretend to
  be another member. The relay itself could, and could read what it carries: members trust each other (one secret).
- One hop: a relay carries only between nodes that it has direct links with, and a link that arrives over a relayed link
  is refused.
- Each of the two streams has credit for a quarter of a MiB, and the relay reads on only when it could pass on: that and
  one frame each way is all that it holds. What is urgent waits for at most that; at the relay it goes as tokens do.
- It ends when either of the relay's links ends. Then the two look for another way, and for a direct one all the time.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from typing import Final, final

from exo_core.clock import Rng
from exo_core.errors import ConnectError, LinkClosed, WireError
from exo_core.identifiers import NodeId
from exo_core.messaging import Stream
from exo_core.placement import RELAY
from exo_core.router.connection import Connection
from exo_core.router.credit import ARRIVING, ONWARD
from exo_core.router.live_links import LiveLinks
from exo_core.transports import Buffer, Link, Peer, Ticket
from exo_core.wire.frames import text

logger = logging.getLogger(__name__)

RELAYS_TRIED: Final = 3
"""Of many peers so many are asked in one attempt, others in the next."""


@final
class RelayedLink:
    """A `Link` over a stream of the router."""

    def __init__(self, stream: Stream, peer: NodeId, relay: str) -> None:
        self._stream = stream
        self._peer = Peer(node_id=peer, role="node")
        self._address = f"over {relay}"

    @property
    def peer(self) -> Peer:
        return self._peer

    @property
    def transport(self) -> str:
        return RELAY

    @property
    def address(self) -> str:
        return self._address

    async def send(self, *parts: Buffer) -> None:
        await self._stream.send(b"".join(parts))

    async def receive(self) -> Buffer:
        return await self._stream.receive()

    async def close(self) -> None:
        await self._stream.close()


@final
class Relay:
    """Makes links over others, takes those that arrive (`visit`), and carries those of others."""

    def __init__(self, links: LiveLinks, rng: Rng) -> None:
        self.visit: Callable[[Link], Awaitable[None]]
        self.carried = 0
        """Links of others that run over this node now."""
        self._links = links
        self._rng = rng

    def tickets(self, node_id: NodeId) -> Sequence[Ticket]:
        """Who might carry a link to that node: some of those with a direct link, drawn anew each time."""
        direct = [peer for peer in self._links.reachable - {node_id} if self._direct(peer) is not None]
        drawn = sorted(direct, key=lambda peer: (self._rng.random(), peer))[:RELAYS_TRIED]
        return [Ticket(f"{RELAY}://{peer}") for peer in drawn]

    def connect(self, ticket: Ticket, node_id: NodeId) -> RelayedLink:
        """A link to that node over the relay that the ticket names; whether there is a way is not known yet.

        Raises `ConnectError` when the relay cannot be reached.
        """
        relay = self._direct(NodeId(ticket.removeprefix(f"{RELAY}://")))
        if relay is None:
            message = f"{ticket} cannot be reached itself"
            raise ConnectError(message)
        try:
            stream = relay.open_stream(ONWARD, node_id.encode(), "tokens")
        except LinkClosed as closed:
            raise ConnectError(str(closed)) from closed
        return RelayedLink(stream, node_id, relay.hello.name)

    async def carry(self, stream: Stream, opening: bytes) -> None:
        """A peer wants a link to the node that it names: pass everything on, both ways, until either end closes."""
        onward = self._direct(NodeId(text(opening)))
        if onward is None or self._direct(stream.peer) is None:
            return
        other = onward.open_stream(ARRIVING, stream.peer.encode(), "tokens")
        pumps = [asyncio.ensure_future(_pump(stream, other)), asyncio.ensure_future(_pump(other, stream))]
        self.carried += 1
        try:
            await asyncio.wait(pumps, return_when=asyncio.FIRST_COMPLETED)
        finally:
            self.carried -= 1
            for pump in pumps:
                pump.cancel()
            await other.close()

    async def arrive(self, stream: Stream, opening: bytes) -> None:
        """A link arrives over a peer, which says of whom: serve it until it dies."""
        relay = self._direct(stream.peer)
        if relay is None:
            return
        link = RelayedLink(stream, NodeId(text(opening)), relay.hello.name)
        try:
            await self.visit(link)
        except ConnectError as problem:
            logger.info("no link with %s over %s: %s", link.peer.node_id, relay.hello.name, problem)

    def _direct(self, node_id: NodeId) -> Connection | None:
        connection = self._links.get(node_id)
        return None if connection is None or connection.is_relayed else connection


async def _pump(source: Stream, target: Stream) -> None:
    """Pass on until one of the two ends."""
    try:
        while True:
            await target.send(await source.receive())
    except (LinkClosed, WireError):
        return
