"""Which faults hold now, for all links of a process, and who wants to hear when that changes."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable
from typing import final

from exo_core.identifiers import NodeId
from exo_core.testing.chaos.faults import Direction, Faults, Weather, weather

Waker = Callable[[], None]


@final
class FaultBoard:
    """Safe to use from any thread."""

    def __init__(self, seed: int = 0) -> None:
        self._random = random.Random(seed)  # noqa: S311 - repeatable faults are the point
        self._lock = threading.Lock()
        self._faults = Faults()
        self._wakers: set[Waker] = set()
        self._busy_until: dict[NodeId, float] = {}

    def put(self, faults: Faults) -> None:
        """These hold from now on, and no others."""
        self._faults = faults
        with self._lock:
            wakers = list(self._wakers)
        for waker in wakers:
            waker()

    def weather(self, direction: Direction) -> Weather:
        """What messages this way go through."""
        return weather(self._faults.faults, direction.source, direction.target, direction.links)

    def on_change(self, waker: Waker) -> None:
        """Call `waker` after every change, from whichever thread, until `forget`."""
        with self._lock:
            self._wakers.add(waker)

    def forget(self, waker: Waker) -> None:
        """Undo `on_change`."""
        with self._lock:
            self._wakers.discard(waker)

    def loses(self, direction: Direction) -> bool:
        """Whether the next message this way is lost."""
        chance = self.weather(direction).drop
        return chance > 0 and self._random.random() < chance

    def sent_after(self, direction: Direction, size: int) -> float:
        """Seconds until a message of that size has left; the line is taken for so long."""
        speed = self.weather(direction).bytes_per_s
        if speed is None:
            return 0.0
        with self._lock:
            now = time.monotonic()
            done = max(now, self._busy_until.get(direction.target, 0.0)) + size / speed
            self._busy_until[direction.target] = done
            return done - now

    def delay(self, direction: Direction) -> float:
        """How much longer than usual a message takes, drawn now."""
        there = self.weather(direction)
        return there.delay_s + (there.jitter_s * self._random.random() if there.jitter_s else 0.0)
