"""What is spoken with those who come: a WebSocket per seat, binary messages both ways."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from typing import final

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route, WebSocketRoute
from starlette.websockets import WebSocket, WebSocketDisconnect

from exo_rendezvous.rooms import ROOM_NAME, RoomFull, Rooms, Seat
from exo_rendezvous.sources import source_of

POLICY_VIOLATION = 1008
TOO_LARGE = 1009
TRY_AGAIN_LATER = 1013
GOING_AWAY = 1001


def make_application(rooms: Rooms, pages: Sequence[BaseRoute] = ()) -> Starlette:
    """The rendezvous as an ASGI application, with what plugins add to it."""
    own = [Route("/health", _health), WebSocketRoute("/exo/1/{room}", Meeting(rooms).attend)]
    return Starlette(routes=[*own, *pages])


async def _health(_: Request) -> Response:
    return JSONResponse({"status": "ok"})


@final
class Meeting:
    """Gives each who comes a seat, until they go or break a rule."""

    def __init__(self, rooms: Rooms) -> None:
        self.rooms = rooms

    async def attend(self, websocket: WebSocket) -> None:
        """The endpoint."""
        room = str(websocket.path_params["room"])
        if not ROOM_NAME.fullmatch(room):
            await websocket.close(POLICY_VIOLATION)
            return
        source = source_of(websocket.client.host if websocket.client else "")
        try:
            seat = self.rooms.enter(room, source, time.monotonic())
        except RoomFull as problem:
            await websocket.close(TRY_AGAIN_LATER, str(problem))
            return
        try:
            await self._sit(websocket, seat)
        finally:
            self.rooms.leave(seat)

    async def _sit(self, websocket: WebSocket, seat: Seat) -> None:
        await websocket.accept()
        telling = asyncio.create_task(_tell(websocket, seat))
        try:
            async with asyncio.timeout(self.rooms.limits.life_seconds):
                code, reason = await self._hear(websocket, seat)
        except TimeoutError:
            code, reason = GOING_AWAY, "take the seat anew"
        except (WebSocketDisconnect, RuntimeError):  # the latter: it went while something was being told
            return
        finally:
            telling.cancel()
            _ = await asyncio.wait([telling])
        await websocket.close(code, reason)

    async def _hear(self, websocket: WebSocket, seat: Seat) -> tuple[int, str]:
        """Pass on what is said here until a rule is broken; which."""
        while True:
            message = await websocket.receive()
            if message["type"] == "websocket.disconnect":
                raise WebSocketDisconnect
            said: object = message.get("bytes")
            if not isinstance(said, bytes):
                return POLICY_VIOLATION, "binary messages only"
            if len(said) > self.rooms.limits.message_bytes:
                return TOO_LARGE, "too large"
            if not seat.may_speak(time.monotonic()):
                return POLICY_VIOLATION, "too much at once"
            self.rooms.say(seat, said)


async def _tell(websocket: WebSocket, seat: Seat) -> None:
    try:
        while True:
            await websocket.send_bytes(await seat.unheard.get())
    except (WebSocketDisconnect, RuntimeError):  # it is gone, which the other side of the seat will see
        return
