"""The pipe between a node and its runner: typed messages over a socketpair, asyncio at both ends."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import struct
from typing import Generic, TypeVar, final

from pydantic import TypeAdapter

from exo_core.runner.messages import FROM_RUNNER, TO_RUNNER, FromRunner, ToRunner
from exo_core.transports import MAXIMUM_MESSAGE_BYTES
from exo_core.wire.codec import decode, encode
from exo_core.wire.length_framed import read_message

InT = TypeVar("InT")
OutT = TypeVar("OutT")

CLOSE_PATIENCE_S = 0.25
"""For what was sent, and a reader that does not read."""

_LENGTH = struct.Struct("<I")


@final
class Pipe(Generic[InT, OutT]):
    """One end. Messages that were sent arrive in order or the pipe is closed; there is no other failure."""

    def __init__(
        self,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        *,
        incoming: TypeAdapter[InT],
        outgoing: TypeAdapter[OutT],
    ) -> None:
        self._reader = reader
        self._writer = writer
        self._incoming = incoming
        self._outgoing = outgoing

    def send(self, message: OutT) -> None:
        """Send; never blocks. What is sent after the other side closed is lost, which `receive` will tell."""
        packed = encode(self._outgoing, message)
        if not self._writer.is_closing():
            self._writer.write(_LENGTH.pack(len(packed)) + packed)

    async def receive(self) -> InT:
        """The next message. Raises `LinkClosed` at the end, `WireError` for anything else."""
        return decode(self._incoming, await read_message(self._reader, largest=MAXIMUM_MESSAGE_BYTES))

    async def close(self) -> None:
        """Close after what was sent is on its way."""
        with contextlib.suppress(ConnectionError, TimeoutError):
            async with asyncio.timeout(CLOSE_PATIENCE_S):
                await self._writer.drain()
        self._writer.close()
        with contextlib.suppress(ConnectionError, TimeoutError):
            async with asyncio.timeout(CLOSE_PATIENCE_S):
                await self._writer.wait_closed()


NodePipe = Pipe[FromRunner, ToRunner]
RunnerPipe = Pipe[ToRunner, FromRunner]


async def node_end(end: socket.socket) -> NodePipe:
    """The node's end of a socketpair."""
    reader, writer = await asyncio.open_unix_connection(sock=end)
    return Pipe(reader, writer, incoming=FROM_RUNNER, outgoing=TO_RUNNER)


async def runner_end(end: socket.socket) -> RunnerPipe:
    """The runner's end of a socketpair."""
    reader, writer = await asyncio.open_unix_connection(sock=end)
    return Pipe(reader, writer, incoming=TO_RUNNER, outgoing=FROM_RUNNER)
