"""Which ways to others are open, and for how long?"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncGenerator, Callable, Coroutine, Generator
from contextlib import AbstractContextManager, ExitStack, asynccontextmanager, contextmanager, nullcontext
from typing import Final, final

from exo_core.errors import ConnectError
from exo_core.transports import TransportContext
from exo_transport_webrtc.room_way import RoomWay
from exo_transport_webrtc.sealing import room_of
from exo_transport_webrtc.tickets import Address
from exo_transport_webrtc.ways import ClusterWay, TakeEnvelope, Way
from exo_transport_webrtc.webrtc_settings import WebrtcSettings

logger = logging.getLogger(__name__)

LOOK_SECONDS: Final = 0.5
"""How soon a new join code is waited for in its room."""

AGAIN_SECONDS: Final = 5.0
"""After which a way that broke in a way that nobody foresaw is taken up again."""

MOST_LEARNED: Final = 4
"""Rendezvous that others named, and at which this node waits from then on."""

Room = tuple[str, bytes]
"""A rendezvous and a meeting key."""


@final
class OpenWays:
    """Opens a way when it is first needed, and closes it when nobody needs it any more."""

    def __init__(self, context: TransportContext, settings: WebrtcSettings, take: TakeEnvelope) -> None:
        self._context = context
        self._take = take
        self._cluster = ClusterWay(context.signaller) if context.signaller is not None else None
        self._tasks: dict[object, asyncio.Task[None]] = {}
        self._users: dict[object, int] = {}
        self._rooms: dict[Room, RoomWay] = {}
        self._known = [settings.rendezvous] if settings.rendezvous else []

    @property
    def rendezvous(self) -> str | None:
        """Where others meet us."""
        return self._known[0] if self._known and self._context.identity.meeting_key else None

    @asynccontextmanager
    async def waiting_for_calls(self) -> AsyncGenerator[None]:
        """All ways by which a call might come, those of new join codes included."""
        with self._reading_cluster():
            looking = asyncio.create_task(self._sit_where_calls_come(), name="waiting in rooms")
            try:
                yield
            finally:
                _ = looking.cancel()
                _ = await asyncio.wait([looking])

    @asynccontextmanager
    async def to(self, address: Address) -> AsyncGenerator[list[Way]]:
        """The ways by which that party might be reached. Raises `ConnectError` when there is none."""
        with ExitStack() as opened:
            ways: list[Way] = []
            if self._cluster is not None:
                opened.enter_context(self._reading_cluster())
                ways.append(self._cluster)
            ways.extend(opened.enter_context(self._sitting_in(room)) for room in self._rooms_of(address))
            if not ways:
                message = (
                    f"{address.ticket}: there is nobody yet to pass a call on. Start the node that invites with "
                    "EXO_WEBRTC_RENDEZVOUS=https://HOST:PORT, and run `exo invite` there"
                )
                raise ConnectError(message)
            yield ways

    def problems(self, address: Address) -> str:
        """What is wrong with the ways to that party, as far as known; may be empty."""
        rooms = (self._rooms.get(room) for room in self._rooms_of(address))
        return "; ".join(room.problem for room in rooms if room is not None and room.problem)

    def learn(self, rendezvous: str | None) -> None:
        """A member can be met there, so members look for us there too."""
        if rendezvous and rendezvous not in self._known and len(self._known) < MOST_LEARNED:
            self._known.append(rendezvous)

    def _rooms_of(self, address: Address) -> list[Room]:
        key = self._context.identity.meeting_key
        named = [address.rendezvous] if address.rendezvous else self._known[:1]
        return [(rendezvous, key) for rendezvous in named if key]

    async def _sit_where_calls_come(self) -> None:
        held: dict[Room, ExitStack] = {}
        try:
            while True:
                keys = [self._context.identity.meeting_key, *self._invited()]
                wanted = {(rendezvous, key) for rendezvous in self._known for key in keys if key}
                for room in held.keys() - wanted:
                    held.pop(room).close()
                for room in wanted - held.keys():
                    held[room] = ExitStack()
                    held[room].enter_context(self._sitting_in(room))
                await asyncio.sleep(LOOK_SECONDS)
        finally:
            for sitting in held.values():
                sitting.close()

    def _invited(self) -> list[bytes]:
        return [identity.meeting_key for identity in self._context.identities_invited()]

    @contextmanager
    def _sitting_in(self, room: Room) -> Generator[RoomWay]:
        rendezvous, meeting_key = room
        way = self._rooms.setdefault(room, RoomWay(rendezvous, room_of(meeting_key), self._take))
        try:
            with self._running(room, way.run):
                yield way
        finally:
            if room not in self._users:
                self._rooms.pop(room, None)

    def _reading_cluster(self) -> AbstractContextManager[None]:
        cluster = self._cluster
        return nullcontext() if cluster is None else self._running(None, lambda: cluster.run(self._take))

    @contextmanager
    def _running(self, key: object, run: Callable[[], Coroutine[object, object, None]]) -> Generator[None]:
        """One task for all who need the same, as long as anybody does."""
        self._users[key] = self._users.get(key, 0) + 1
        if key not in self._tasks:
            self._tasks[key] = asyncio.create_task(_for_ever(run), name="keeping a way open")
        try:
            yield
        finally:
            self._users[key] -= 1
            if not self._users[key]:
                del self._users[key]
                _ = self._tasks.pop(key).cancel()


async def _for_ever(run: Callable[[], Coroutine[object, object, None]]) -> None:
    while True:
        try:
            await run()
        except Exception:  # whoever waits in a room for calls waits for days
            logger.exception("a way to others broke; it is taken up again in %.0f s", AGAIN_SECONDS)
        await asyncio.sleep(AGAIN_SECONDS)
