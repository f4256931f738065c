"""How does a link under asyncio die once? For authors of transports whose messages come by callbacks.

`Link` promises that after the first `LinkClosed`, from `send` or `receive`, every later call raises it too; that what
had arrived before the end is still received unless somebody heard of the end already; and that whoever waits wakes up.
A `LinkLife` keeps these promises for one link. The side that is called when something happens says so::

    life = LinkLife(lambda: bytes_that_wait > MOST)
    life.deliver(message)               # a message came
    life.wake_sender()                  # what waited went out
    life.end("the cable was pulled")    # it is dead from now on; only the first reason counts

and the link asks::

    async def send(self, *parts):
        self._life.check()              # raises LinkClosed
        …                               # hand it to the line
        await self._life.room()         # backpressure; raises LinkClosed

    async def receive(self):
        return await self._life.next()  # raises LinkClosed

    async def close(self):
        self._life.bury()               # nothing more is given out, whatever still arrives
        …                               # say goodbye

All of it belongs to one event loop. At most one task waits in `next` and one in `room`, as the contract has it.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from typing import final

from exo_core.errors import LinkClosed
from exo_core.transports import Buffer

_CLOSED_HERE = "this side closed the link"


@final
class LinkLife:
    """`dead` says why the link is, once it is; it is empty before."""

    def __init__(self, is_full: Callable[[], bool]) -> None:
        """`is_full`: whether so much waits to go out that a sender has to wait; `wake_sender` tells of a change."""
        self.dead = ""
        self._is_full = is_full
        self._buried = False
        self._loop = asyncio.get_running_loop()
        self._arrived: deque[Buffer] = deque()
        self._arrival: asyncio.Future[None] | None = None
        self._room: asyncio.Future[None] | None = None

    def end(self, reason: str) -> bool:
        """The link is dead from now on, for this reason; False when it was before."""
        if self.dead:
            return False
        self.dead = reason
        _wake(self._arrival)
        _wake(self._room)
        return True

    def deliver(self, message: Buffer) -> None:
        """It arrived, and waits for `next`."""
        self._arrived.append(message)
        _wake(self._arrival)

    def wake_sender(self) -> None:
        """There may be room now."""
        _wake(self._room)

    async def next(self) -> Buffer:
        """The next message. Raises `LinkClosed` once the link is dead and nothing that had arrived is left."""
        if self._buried:
            raise self._closed()
        while not self._arrived:
            if self.dead:
                raise self._closed()
            self._arrival = self._loop.create_future()
            await self._arrival
        return self._arrived.popleft()

    async def room(self) -> None:
        """Wait while too much waits to go out. Raises `LinkClosed`."""
        while self._is_full() and not self.dead:
            self._room = self._loop.create_future()
            await self._room
        self.check()

    def check(self) -> None:
        """Raises `LinkClosed` when nothing can be sent any more."""
        if self._buried or self.dead:
            raise self._closed()

    def bury(self) -> None:
        """Somebody has heard of the end: what had arrived is not given out any more either."""
        self._buried = True

    def _closed(self) -> LinkClosed:
        self._buried = True
        return LinkClosed(self.dead or _CLOSED_HERE)

    def __str__(self) -> str:
        return self.dead or "alive"


def _wake(waiting: asyncio.Future[None] | None) -> None:
    if waiting is not None and not waiting.done():
        waiting.set_result(None)
