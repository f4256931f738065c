"""The asyncio link."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import final

from exo_core.transports import Buffer, Peer
from exo_transport_webrtc.channel_protocol import LINGER_SECONDS, ChannelProtocol
from exo_transport_webrtc.fragments import fragments_of
from exo_transport_webrtc.tickets import SCHEME


@final
class WebrtcLink:
    """A `Link`: see the contract there. Made once both sides have welcomed each other."""

    def __init__(self, protocol: ChannelProtocol, peer: Peer) -> None:
        self._protocol = protocol
        self._peer = peer
        self._life = protocol.life

    @property
    def peer(self) -> Peer:
        """Who is at the other end."""
        return self._peer

    @property
    def transport(self) -> str:
        """`webrtc`."""
        return SCHEME

    @property
    def address(self) -> str:
        """The address at which the other end was found."""
        return self._protocol.address

    async def send(self, *parts: Buffer) -> None:
        """Send one message. When cancelled half-way, the rest is queued, so that the link stays whole."""
        pieces = fragments_of(parts)
        self._life.check()
        try:
            for piece in pieces:
                self._protocol.write(piece)
                await self._life.room()
        except asyncio.CancelledError:
            self._write_rest(pieces)
            raise

    async def receive(self) -> Buffer:
        """The next message."""
        return await self._protocol.arrival()

    async def close(self) -> None:
        """Close, giving the other side LINGER_SECONDS to take what was sent."""
        self._life.bury()
        if not self._protocol.ended.done():
            self._protocol.finish()
            _ = await asyncio.wait([self._protocol.ended], timeout=LINGER_SECONDS)
        await self._protocol.close()

    def abandon(self) -> None:
        """The same without waiting for it."""
        self._life.bury()
        self._protocol.abandon()

    def _write_rest(self, pieces: Iterator[bytes]) -> None:
        for piece in pieces:
            self._protocol.write(piece)

    def __repr__(self) -> str:
        return f"WebrtcLink({self._peer.node_id} {self._peer.role} at {self.address}, {self._life})"
