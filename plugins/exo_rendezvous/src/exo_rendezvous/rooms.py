"""Who sits in which room, and what do they hear? In memory only; no input, no output.

A room has a name that nobody can guess who is not meant to be there, and whoever sits in it hears what the others say.
What is said is sealed: here it is bytes, and whose they are is not known. All that is kept is counted against limits,
so that no stranger can fill the memory or make the others wait.
"""

from __future__ import annotations

import asyncio
import re
from collections import Counter
from dataclasses import dataclass, replace
from typing import Final, final

ROOM_NAME: Final = re.compile(r"[a-z2-7]{32}")


@dataclass(frozen=True, kw_only=True)
class Limits:
    """What a rendezvous bears. Rates are per seat; a seat starts with a burst."""

    rooms: int = 4096
    seats_per_room: int = 64
    seats_per_source: int = 128
    seats: int = 16 * 1024
    message_bytes: int = 20 * 1024
    messages_per_second: float = 10.0
    burst: int = 60
    unheard: int = 64
    """Messages that wait for somebody who does not listen; later ones are lost to them."""
    life_seconds: float = 3600.0
    """After which a seat has to be taken anew."""
    visits: int = 512
    """Connections that have no seat yet. One more ends the one that has been there longest."""
    visit_seconds: float = 10.0
    """From the opening of a connection to its seat, or the end of its answer."""


SPARE_DESCRIPTORS: Final = 64


def limits_within(descriptors: int) -> Limits:
    """Such that no stranger can use up the files and sockets that this process may have open."""
    usual = Limits()
    visits = max(1, min(usual.visits, descriptors // 8))
    return replace(usual, visits=visits, seats=max(1, min(usual.seats, descriptors - visits - SPARE_DESCRIPTORS)))


class RoomFull(Exception):
    """There is no seat; the message says why."""


@final
class Seat:
    """One place in a room."""

    def __init__(self, room: str, source: str, limits: Limits, now: float) -> None:
        self.room = room
        self.source = source
        self.unheard: asyncio.Queue[bytes] = asyncio.Queue(limits.unheard)
        self._limits = limits
        self._allowance = float(limits.burst)
        self._counted_at = now

    def may_speak(self, now: float) -> bool:
        """Whether it keeps to its rate, if it says something now."""
        grown = self._allowance + (now - self._counted_at) * self._limits.messages_per_second
        self._allowance = min(float(self._limits.burst), grown) - 1
        self._counted_at = now
        return self._allowance >= 0


@final
class Rooms:
    """All rooms. A room is there as long as somebody sits in it."""

    def __init__(self, limits: Limits) -> None:
        self.limits = limits
        self._rooms: dict[str, set[Seat]] = {}
        self._sources: Counter[str] = Counter()
        self.seats = 0
        """How many are taken; with 0, nothing is kept of anybody."""

    def enter(self, room: str, source: str, now: float) -> Seat:
        """Take a seat, for who comes from `source`. Raises `RoomFull`."""
        seats = self._rooms.get(room, set())
        if len(seats) >= self.limits.seats_per_room:
            message = "this room is full"
            raise RoomFull(message)
        if room not in self._rooms and len(self._rooms) >= self.limits.rooms:
            message = "all rooms are taken"
            raise RoomFull(message)
        if self.seats >= self.limits.seats:
            message = "all seats are taken"
            raise RoomFull(message)
        if self._sources[source] >= self.limits.seats_per_source:
            message = "too many seats for one address"
            raise RoomFull(message)
        seat = Seat(room, source, self.limits, now)
        self._rooms.setdefault(room, set()).add(seat)
        self._sources[source] += 1
        self.seats += 1
        return seat

    def leave(self, seat: Seat) -> None:
        """Give the seat back."""
        self.seats -= 1
        self._rooms[seat.room].discard(seat)
        if not self._rooms[seat.room]:
            del self._rooms[seat.room]
        self._sources[seat.source] -= 1
        if not self._sources[seat.source]:
            del self._sources[seat.source]

    def say(self, seat: Seat, message: bytes) -> None:
        """Let all others in the room hear it, but those who have not listened for long."""
        for other in self._rooms[seat.room]:
            if other is not seat and not other.unheard.full():
                other.unheard.put_nowait(message)
