"""A rendezvous in this process, which tells all that it could know and lies on demand."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import cast

from starlette.routing import BaseRoute

from exo_rendezvous.rooms import Limits, Rooms, Seat
from exo_rendezvous.serving import RendezvousServer

PATIENCE_SECONDS = 60.0
LOOK_SECONDS = 0.01
LIMITS = Limits(seats_per_room=3, seats_per_source=6, rooms=4, burst=20)


class Rendezvous:
    """The real server. `heard` is all that it could know; `spoil` makes it lie about what was said."""

    def __init__(
        self,
        pages: Sequence[BaseRoute] = (),
        *,
        limits: Limits = LIMITS,
        certificate: Path | None = None,
        key: Path | None = None,
    ) -> None:
        self._pages = pages
        self._certificate, self._key = certificate, key
        self.rooms = Rooms(limits)
        self.heard: list[bytes] = []
        self.spoil: Callable[[bytes], list[bytes]] = lambda said: [said]
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.port = cast("int", self._socket.getsockname()[1])
        self.url = f"ws://127.0.0.1:{self.port}"
        self._say = self.rooms.say
        self.rooms.say = self._spoilt
        self._server: RendezvousServer | None = None
        self._task: asyncio.Task[None] | None = None

    def _spoilt(self, seat: Seat, message: bytes) -> None:
        self.heard.append(message)
        for said in self.spoil(message):
            self._say(seat, said)

    async def start(self) -> None:
        """Serve; again after `stop`, at the same place."""
        if self._socket.fileno() < 0:
            self._socket = socket.create_server(("127.0.0.1", self.port))
        self._server = RendezvousServer(self.rooms, self._pages, certificate=self._certificate, key=self._key)
        self._task = asyncio.create_task(self._server.serve(sockets=[self._socket]))
        server = self._server
        await until(lambda: server.started)

    async def stop(self) -> None:
        """Be gone."""
        if self._server is not None and self._task is not None:
            self._server.should_exit = True
            await self._task
            self._socket.close()

    @property
    def visits(self) -> int:
        """How many are there without a seat."""
        return self._server.visits.count if self._server is not None else 0

    async def until_seated(self, count: int) -> None:
        """Wait until so many sit somewhere."""
        await until(lambda: self.rooms.seats == count)


async def until(look: Callable[[], bool]) -> None:
    """Wait for it, not counting time in which we were stopped. Raises `AssertionError` when it never comes to that."""
    for _ in range(int(PATIENCE_SECONDS / LOOK_SECONDS)):
        if look():
            return
        await asyncio.sleep(LOOK_SECONDS)
    message = f"it never came to that within {PATIENCE_SECONDS:.0f} s"
    raise AssertionError(message)
