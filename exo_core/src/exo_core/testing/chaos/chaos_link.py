"""A `Link` over another that goes through what the faults say."""

from __future__ import annotations

import asyncio
import contextlib
import time
from typing import final

from exo_core.errors import LinkClosed
from exo_core.testing.chaos.envelope import Opener, sealed, size_of
from exo_core.testing.chaos.fault_board import FaultBoard
from exo_core.testing.chaos.faults import directions
from exo_core.transports import Buffer, Link, Peer

NAME = "chaos"


@final
class ChaosLink:
    """`own`: who we are on this link. What arrived is held back here until its time has come."""

    transport = NAME

    def __init__(self, inner: Link, own: Peer, board: FaultBoard) -> None:
        self._inner = inner
        self._board = board
        self._out, self._in = directions(own, inner.peer)
        self._loop = asyncio.get_running_loop()
        self._opener = Opener()
        self._held: tuple[float, Buffer] | None = None
        self._changed = asyncio.Event()
        self._closing: asyncio.Task[None] | None = None
        self._closed = False
        board.on_change(self._wake)
        self._look()

    @property
    def peer(self) -> Peer:
        """Who is at the other end."""
        return self._inner.peer

    @property
    def address(self) -> str:
        """Where the other end is."""
        return self._inner.address

    def __repr__(self) -> str:
        return f"ChaosLink({self._inner!r})"

    async def send(self, *parts: Buffer) -> None:
        """Send when the line is free. A message that is lost takes the link with it."""
        size = size_of(parts)
        await self._pause(self._board.sent_after(self._out, size))
        if self._board.loses(self._out):
            await self.close()
        try:
            await self._send_all(parts, size)
        except LinkClosed:
            await self._until_heard()
            self._forget()
            raise

    async def receive(self) -> Buffer:
        """The next message whose time has come."""
        while self._held is None:
            try:
                self._held = self._opener.open(await self._inner.receive())
            except LinkClosed:
                await self._until_heard()
                self._forget()
                raise
        await self._pause(self._held[0] - time.monotonic())
        await self._until_heard()
        (_, message), self._held = self._held, None
        return message

    async def close(self) -> None:
        """Close it; the other end hears of it when the faults allow."""
        self._closed = True
        self._forget()
        self._changed.set()
        await self._inner.close()

    async def _send_all(self, parts: tuple[Buffer, ...], size: int) -> None:
        first, *rest = sealed(parts, size, time.monotonic() + self._board.delay(self._out))
        await self._inner.send(*first)
        for more in rest:
            try:
                await self._inner.send(*more)
            except BaseException:  # half a message is out
                await self.close()
                raise

    async def _pause(self, seconds: float) -> None:
        """That long, or until the link is closed from this side."""
        ends = time.monotonic() + seconds
        while not self._closed and (left := ends - time.monotonic()) > 0:
            self._changed.clear()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(left):
                    await self._changed.wait()

    async def _until_heard(self) -> None:
        """Return once the other end can be heard, or the link is closed from this side."""
        while not self._closed and self._board.weather(self._in).blackhole:
            self._changed.clear()
            await self._changed.wait()

    def _wake(self) -> None:
        """Called from any thread."""
        with contextlib.suppress(RuntimeError):  # the loop is closed, and the link with it
            self._loop.call_soon_threadsafe(self._look)

    def _look(self) -> None:
        self._changed.set()
        if self._closing is None and (self._board.weather(self._out).cut or self._board.weather(self._in).cut):
            self._closing = self._loop.create_task(self.close())

    def _forget(self) -> None:
        self._board.forget(self._wake)
