"""A seat in a room of a rendezvous: what is said there reaches everybody who has the same secret."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from typing import Final, cast, final

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import WebSocketException

from exo_core.errors import AuthenticationError
from exo_core.transports import Peer
from exo_transport_webrtc.complaints import Complaints
from exo_transport_webrtc.envelopes import LARGEST_ENVELOPE_BYTES
from exo_transport_webrtc.own_addresses import is_ours
from exo_transport_webrtc.sealing import NONCE_BYTES, TAG_BYTES, RoomSeal
from exo_transport_webrtc.ways import TakeEnvelope

logger = logging.getLogger(__name__)

OPEN_SECONDS: Final = 5.0
CLOSE_SECONDS: Final = 0.5
PING_SECONDS: Final = 10.0
LOOK_SECONDS: Final = 0.5
"""How soon it is noticed that the address from which the seat was taken is not ours any more."""
FIRST_PAUSE_SECONDS: Final = 0.25
LONGEST_PAUSE_SECONDS: Final = 10.0
STALE_SECONDS: Final = 5.0
"""What could not be said for so long is not worth saying."""

MOST_UNSAID: Final = 64


@final
class RoomWay:
    """A `Way` by a rendezvous. Works while `run` does; comes back by itself when the rendezvous does."""

    def __init__(self, rendezvous: str, seal: RoomSeal, take: TakeEnvelope) -> None:
        self.problem = ""
        """Why the rendezvous is not reached; empty while it is."""
        self._rendezvous = rendezvous
        self._seal = seal
        self._take = take
        self._unsaid: asyncio.Queue[tuple[float, bytes]] = asyncio.Queue(MOST_UNSAID)
        self._complaints = Complaints(logger)

    async def send(self, peer: Peer, envelope: bytes) -> None:
        """Say it to the whole room: who it is for, and whether they are there, the rendezvous does not know."""
        del peer
        self.say(envelope)

    def say(self, envelope: bytes) -> None:
        """The same, to nobody in particular."""
        if not self._unsaid.full():
            self._unsaid.put_nowait((time.monotonic(), self._seal.seal(envelope)))

    async def run(self) -> None:
        """Take a seat and keep it, for ever."""
        pause = FIRST_PAUSE_SECONDS
        while True:
            try:
                async with connect(
                    f"{self._rendezvous}/exo/1/{self._seal.room}",
                    open_timeout=OPEN_SECONDS,
                    close_timeout=CLOSE_SECONDS,
                    max_size=LARGEST_ENVELOPE_BYTES + NONCE_BYTES + TAG_BYTES,
                    ping_interval=PING_SECONDS,
                    ping_timeout=PING_SECONDS,
                    compression=None,
                    user_agent_header=None,
                ) as connection:
                    self.problem, pause = "", FIRST_PAUSE_SECONDS
                    await self._sit(connection)
            except (OSError, WebSocketException, TimeoutError, ValueError) as problem:
                self._note(f"the rendezvous {self._rendezvous} cannot be used: {problem or type(problem).__name__}")
            await asyncio.sleep(pause)
            pause = min(2 * pause, LONGEST_PAUSE_SECONDS)

    async def _sit(self, connection: ClientConnection) -> None:
        tasks = [asyncio.create_task(self._say(connection)), asyncio.create_task(_watch(connection))]
        try:
            async for said in connection:
                self._hear(said if isinstance(said, bytes) else said.encode())
        finally:
            for task in tasks:
                task.cancel()
            _ = await asyncio.wait(tasks)

    async def _say(self, connection: ClientConnection) -> None:
        with contextlib.suppress(WebSocketException):  # whoever listens sees it too
            while True:
                queued_at, sealed = await self._unsaid.get()
                if time.monotonic() - queued_at < STALE_SECONDS:
                    await connection.send(sealed)

    def _hear(self, sealed: bytes) -> None:
        try:
            envelope = self._seal.open(sealed)
        except AuthenticationError as problem:
            self._complaints.about("seal", f"refused what came over {self!r}: {problem}")
        else:
            self._take(envelope, self)

    def _note(self, problem: str) -> None:
        if problem != self.problem:
            self.problem = problem
            logger.info("%s", problem)

    def __repr__(self) -> str:
        return f"the rendezvous {self._rendezvous}"


async def _watch(connection: ClientConnection) -> None:
    """Hang up when our end of the connection is gone: the other end would not hear of it for minutes."""
    local: object = connection.local_address
    host = str(cast("tuple[object, ...]", local)[0]) if isinstance(local, tuple) else ""
    while True:
        await asyncio.sleep(LOOK_SECONDS)
        if host and not is_ours(host):
            connection.transport.abort()
            return
