"""The asyncio link."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import final

from exo_core.errors import LinkClosed
from exo_core.transports import Buffer, Peer
from exo_transport_tcp.endpoints import SCHEME
from exo_transport_tcp.framing import JOINED_BYTES, framed
from exo_transport_tcp.link_protocol import LinkProtocol

LINGER_SECONDS = 1.0
"""How long `close` waits for the other side to take what was sent."""

BURST_BYTES = 1024 * 1024
"""After so many bytes, a sender that never had to wait lets other tasks run."""


@final
class TcpLink:
    """A `Link`: see the contract there. Made by a transport once its protocol is established."""

    def __init__(self, protocol: LinkProtocol) -> None:
        self._protocol = protocol
        self._peer = protocol.established.result()
        self._life = protocol.life
        self._burst = 0

    @property
    def peer(self) -> Peer:
        """Who is at the other end."""
        return self._peer

    @property
    def transport(self) -> str:
        """`tcp`."""
        return SCHEME

    @property
    def address(self) -> str:
        """Host and port of the other end of the connection."""
        return self._protocol.address

    async def send(self, *parts: Buffer) -> None:
        """Send one message. When cancelled half-way, the rest is queued, so that the link stays whole."""
        pieces = framed(parts)
        self._life.check()
        if len(pieces) == 1 and len(pieces[0]) <= JOINED_BYTES:
            self._protocol.gather(pieces[0])
            await self._pause(len(pieces[0]))
            return
        self._protocol.flush()
        batches = self._protocol.session.sealed(pieces)
        try:
            for batch in batches:
                self._protocol.write(batch)
                await self._pause(len(batch))
        except asyncio.CancelledError:
            self._write_rest(batches)
            raise
        except LinkClosed:
            self._life.bury()
            raise

    async def receive(self) -> Buffer:
        """The next message."""
        return await self._protocol.arrival()

    async def close(self) -> None:
        """Close, giving the other side LINGER_SECONDS to take what was sent."""
        self._life.bury()
        if not self._protocol.ended.done():
            self._protocol.finish()
            try:
                _ = await asyncio.wait([self._protocol.ended], timeout=LINGER_SECONDS)
            finally:
                self._protocol.abort()

    async def _pause(self, written: int) -> None:
        self._burst += written
        if self._burst >= BURST_BYTES:
            self._burst = 0
            await asyncio.sleep(0)
        await self._life.room()

    def _write_rest(self, batches: Iterator[bytes]) -> None:
        for batch in batches:
            self._protocol.write(batch)

    def __repr__(self) -> str:
        return f"TcpLink({self._peer.node_id} {self._peer.role} at {self.address}, {self._life})"
