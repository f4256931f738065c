"""When was a peer last heard, and how far away is it?"""

from __future__ import annotations

import asyncio
from typing import final

from exo_core.clock import Clock
from exo_core.wire.frames import PING, Frame

SMOOTHING = 0.2
"""The weight of the newest round trip."""


@final
class Liveness:
    """One link's pings and silences."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._last_heard = clock.now()
        self._pings = 0
        self._sent: dict[bytes, float] = {}
        self._listeners: list[asyncio.Event] = []
        self.round_trip: float | None = None
        """Smoothed, seconds; None until the first pong."""

    def heard(self) -> None:
        """Something came."""
        self._last_heard = self._clock.now()
        if self._listeners:
            for listener in self._listeners:
                listener.set()
            self._listeners.clear()

    def excuse(self) -> None:
        """We were not listening ourselves: the silence starts anew."""
        self._last_heard = self._clock.now()

    def silence(self) -> float:
        """Seconds since something came."""
        return self._clock.now() - self._last_heard

    def next_word(self) -> asyncio.Event:
        """Set when something comes."""
        event = asyncio.Event()
        self._listeners.append(event)
        return event

    def ping(self) -> Frame:
        """The next ping to send."""
        self._pings += 1
        payload = self._pings.to_bytes(8, "big")
        self._sent[payload] = self._clock.now()
        if len(self._sent) > 16:
            del self._sent[next(iter(self._sent))]
        return Frame(PING, 0, payload)

    def pong(self, payload: bytes) -> None:
        """A ping came back."""
        sent = self._sent.pop(payload, None)
        if sent is not None:
            measured = self._clock.now() - sent
            before = measured if self.round_trip is None else self.round_trip
            self.round_trip = before + SMOOTHING * (measured - before)
