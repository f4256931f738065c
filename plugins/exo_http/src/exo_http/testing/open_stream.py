"""A client in the middle of a streamed answer, that may vanish at any moment."""

from __future__ import annotations

import asyncio
import socket
import struct
from typing import Self, final
from urllib.parse import urlsplit

from exo_http.testing.stream_client import DATA, has_text, request_head

NO_LINGER = struct.pack("ii", 1, 0)
"""Closing throws everything away and sends a reset, as a machine that loses its power may cause."""


@final
class OpenStream:
    """One request on a connection of its own."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer

    @classmethod
    async def ask(cls, url: str, body: bytes) -> Self:
        """Send a request; nothing is read yet."""
        address = urlsplit(url)
        reader, writer = await asyncio.open_connection(address.hostname, address.port)
        writer.write(request_head(url, body) + body)
        return cls(reader, writer)

    async def has_token(self) -> bool:
        """Wait for text; False when the answer ends before, or is an error."""
        while line := await self._reader.readline():
            if line.startswith(DATA) and has_text(line):
                return True
        return False

    def hang_up(self) -> None:
        """Close as a program does."""
        self._writer.close()

    def vanish(self) -> None:
        """Close without a word more, and reset."""
        sock = self._writer.get_extra_info("socket")
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, NO_LINGER)
        self._writer.transport.abort()
