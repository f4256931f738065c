"""Messages over a byte stream of this machine (a Unix socket, a socketpair): four bytes of length, then the message."""

from __future__ import annotations

import asyncio
import struct

from exo_core.errors import LinkClosed, WireError

_LENGTH = struct.Struct("<I")


async def read_message(reader: asyncio.StreamReader, *, largest: int) -> bytes:
    """The next message. Raises `LinkClosed` at the end, `WireError` when it would be larger than `largest` bytes."""
    try:
        (length,) = _LENGTH.unpack(await reader.readexactly(_LENGTH.size))
        if length > largest:
            message = f"a message of {length} bytes; at most {largest} are allowed here"
            raise WireError(message)
        return await reader.readexactly(length)
    except (asyncio.IncompleteReadError, ConnectionError) as problem:
        message = "the other side closed the connection"
        raise LinkClosed(message) from problem


async def write_message(writer: asyncio.StreamWriter, message: bytes) -> None:
    """Send one message, waiting while the other side does not read. Raises `LinkClosed`."""
    try:
        writer.write(_LENGTH.pack(len(message)))
        writer.write(message)
        await writer.drain()
    except ConnectionError as problem:
        text = "the other side closed the connection"
        raise LinkClosed(text) from problem
