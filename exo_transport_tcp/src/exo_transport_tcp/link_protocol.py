"""A session under asyncio: what the event loop calls when bytes come, go, or the connection ends."""

from __future__ import annotations

import asyncio
import socket
from typing import cast, final

from exo_core.errors import ConnectError, LinkClosed
from exo_core.link_life import LinkLife
from exo_core.transports import Buffer, Peer
from exo_transport_tcp.framing import JOINED_BYTES
from exo_transport_tcp.session import BATCH_BYTES, HANDSHAKE_BYTES, Session
from exo_transport_tcp.socket_options import set_link_options

RECEIVE_BYTES = 128 * 1024
"""How much is read from the socket at once."""

QUEUED_BYTES = 256 * 1024
"""So much may wait for `receive` before reading stops."""


@final
class LinkProtocol(asyncio.BufferedProtocol):
    """Moves bytes between a TCP connection and its session. `established` tells when the peer is proven, or why not."""

    def __init__(self, session: Session) -> None:
        self._loop = asyncio.get_running_loop()
        self.established: asyncio.Future[Peer] = self._loop.create_future()
        self.ended: asyncio.Future[None] = self._loop.create_future()
        self.session = session
        self.address = "?"
        self.life = LinkLife(lambda: self._paused)
        self.discarding = False
        self._arrived_bytes = 0
        self._space = memoryview(bytearray(HANDSHAKE_BYTES))
        self._paused = False
        self._gathered: list[memoryview] = []
        self._gathered_bytes = 0
        self._transport: asyncio.Transport | None = None

    # called by the event loop ----------------------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        if self.life.dead:  # others pushed in while the event loop was on its way here
            self._transport.abort()
            return
        set_link_options(cast("socket.socket", transport.get_extra_info("socket")))
        host, port = cast("tuple[str, int]", transport.get_extra_info("peername") or ("?", 0))[:2]
        self.address = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
        self._transport.set_write_buffer_limits(high=BATCH_BYTES)
        self._introduce(b"")

    def get_buffer(self, sizehint: int) -> memoryview:
        return self._space if self.established.done() else self._space[: max(1, self.session.allowance)]

    def buffer_updated(self, nbytes: int) -> None:
        received = self._space[:nbytes]
        if self.discarding:
            return
        if not self.established.done():
            self._introduce(received)
            return
        self.session.channel.feed(received)
        self._take_messages()

    def eof_received(self) -> bool | None:
        self.end("the other side closed the link")

    def connection_lost(self, exc: Exception | None) -> None:
        self.end(f"the connection was lost: {exc}" if exc else "the connection was closed")
        self.discarding = True
        self._transport = None
        if not self.ended.done():
            self.ended.set_result(None)

    def pause_writing(self) -> None:
        self._paused = True

    def resume_writing(self) -> None:
        self._paused = False
        self.life.wake_sender()

    # called by the link ----------------------------------------------------------------------------------

    async def arrival(self) -> Buffer:
        """The next message. Raises `LinkClosed` once the link is dead and nothing that had arrived is left."""
        message = await self.life.next()
        self._arrived_bytes -= len(message)
        if self._transport and not self.life.dead and self._arrived_bytes <= QUEUED_BYTES:
            self._transport.resume_reading()
        return message

    def gather(self, piece: memoryview) -> None:
        """Send a small message, together with all others of this moment.

        Each alone would cost a TLS record and a system call, and before each of these a busy thread may take Python's
        lock away for five milliseconds.
        """
        self._gathered.append(piece)
        self._gathered_bytes += len(piece)
        if self._gathered_bytes >= JOINED_BYTES:
            self.flush()
        elif len(self._gathered) == 1:
            self._loop.call_soon(self.flush)

    def flush(self) -> None:
        """Hand what was gathered to the connection now."""
        if not self._gathered:
            return
        joined = memoryview(b"".join(self._gathered))
        self._gathered, self._gathered_bytes = [], 0
        try:
            for batch in self.session.sealed([joined]):
                self.write(batch)
        except LinkClosed as problem:
            self.end(str(problem))

    def write(self, data: bytes) -> None:
        """Hand bytes to the connection."""
        if self._transport and data and not self.life.dead:
            self._transport.write(data)

    def end(self, reason: str) -> None:
        """The link is dead from now on, for this reason; only the first one counts."""
        if self.life.end(reason):
            self.fail(ConnectError(f"the connection ended during the handshake: {reason}"))

    def fail(self, problem: ConnectError) -> None:
        """The handshake came to nothing."""
        if not self.established.done():
            self.established.set_exception(problem)
            _ = self.established.exception()  # whoever waits sees it; nobody may be waiting any more
            self.hang_up()

    def hang_up(self) -> None:
        """Close the connection after what was written; the other side is heard no more."""
        self.discarding = True
        self.flush()
        self.write(self.session.channel.outgoing())
        self.end("this side closed the link")
        if self._transport:
            self._transport.close()

    def finish(self) -> None:
        """Say goodbye and go on discarding what comes until the other side hangs up too.

        Closing at once, with unread bytes in the kernel, would reset the connection and lose what is still under way.
        """
        self.flush()
        self.session.channel.say_goodbye()
        self.write(self.session.channel.outgoing())
        self.end("this side closed the link")
        self.discarding = True
        if self._transport and not self._transport.is_closing():
            self._transport.write_eof()
            self._transport.resume_reading()

    def abort(self) -> None:
        """End the connection now."""
        self.end("this side closed the link")
        if self._transport:
            self._transport.abort()

    # inside ----------------------------------------------------------------------------------------------

    def _introduce(self, received: Buffer) -> None:
        try:
            peer = self.session.shake_hands(received)
        except ConnectError as problem:
            self.fail(problem)
            return
        self.write(self.session.channel.outgoing())
        if peer is not None:
            self._space = memoryview(bytearray(RECEIVE_BYTES))
            self.established.set_result(peer)
            self._take_messages()

    def _take_messages(self) -> None:
        try:
            while (message := self.session.next_message()) is not None:
                self._arrived_bytes += len(message)
                self.life.deliver(message)
        except LinkClosed as problem:
            self.end(str(problem))
            self.hang_up()
        if self._arrived_bytes > QUEUED_BYTES and self._transport:
            self._transport.pause_reading()
