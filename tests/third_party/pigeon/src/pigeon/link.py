"""A link: messages on an asyncio stream, each after its length."""

from __future__ import annotations

from asyncio import IncompleteReadError, StreamReader, StreamWriter
from contextlib import suppress
from typing import final

from exo_core.errors import LinkClosed
from exo_core.transports import MAXIMUM_MESSAGE_BYTES, Buffer, Peer

LENGTH_BYTES = 4
"""Big-endian, before every message."""


@final
class PigeonLink:
    """See `exo_core.transports.Link`. The stream's TLS handshake is over, and `peer` is what it proved."""

    transport = "pigeon"

    def __init__(self, reader: StreamReader, writer: StreamWriter, *, peer: Peer, address: str) -> None:
        self.peer = peer
        self.address = address
        self._reader = reader
        self._writer = writer
        self._expected: int | None = None
        """Bytes of the message that has begun: `receive` may be cancelled between its length and its body."""
        self._is_dead = False

    async def send(self, *parts: Buffer) -> None:
        """Write the message in one go, so that cancelling cannot cut it, then wait until the stream has room."""
        size = sum(memoryview(part).nbytes for part in parts)
        if size > MAXIMUM_MESSAGE_BYTES:
            message = f"a message of {size} bytes is larger than {MAXIMUM_MESSAGE_BYTES}"
            raise ValueError(message)
        self._check_alive()
        try:
            self._writer.write(b"".join((size.to_bytes(LENGTH_BYTES, "big"), *parts)))
            await self._writer.drain()
        except OSError as problem:
            raise self._death(problem) from problem
        self._check_alive()

    async def receive(self) -> Buffer:
        """Read a length, then so many bytes."""
        self._check_alive()
        try:
            if self._expected is None:
                self._expected = int.from_bytes(await self._reader.readexactly(LENGTH_BYTES), "big")
            if self._expected > MAXIMUM_MESSAGE_BYTES:
                message = f"it announced {self._expected} bytes"
                raise self._death(message)
            body = await self._reader.readexactly(self._expected)
        except (OSError, IncompleteReadError) as problem:
            raise self._death(problem) from problem
        self._expected = None
        return body

    async def close(self) -> None:
        """Send what is buffered and say goodbye; whoever does not listen to that is left after two seconds."""
        self._is_dead = True
        self._writer.close()
        with suppress(OSError):
            await self._writer.wait_closed()

    def _check_alive(self) -> None:
        if self._is_dead:
            message = f"the link to {self.address} is closed"
            raise LinkClosed(message)

    def _death(self, cause: object) -> LinkClosed:
        self._is_dead = True
        self._writer.close()
        return LinkClosed(f"the link to {self.address} died: {cause}")
