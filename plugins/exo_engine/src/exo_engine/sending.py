"""Sending beside computing: on a link where a large message takes long, a thread of its own waits for it."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable
from statistics import median
from typing import Final, final

from exo_core.errors import LinkClosed
from exo_core.transports import BlockingLink, Buffer

SMALL: Final = 2**15
"""Bytes of a message that goes at once when nothing is ahead of it: a thread would only make it later."""
_SEEN: Final = 5
"""Large messages whose median counts."""


@final
class Sending:
    """Messages of one thread on their way into a link, in order. What waits is bounded by the steps under way."""

    def __init__(self, link: BlockingLink, clock: Callable[[], float] = time.perf_counter) -> None:
        self._link = link
        self._clock = clock
        self._speeds: deque[float] = deque(maxlen=_SEEN)
        self._changed = threading.Condition()
        self._waiting: deque[tuple[Buffer, ...]] = deque()
        """The first one is being sent."""
        self._dead: LinkClosed | None = None
        self._closed = False
        self._thread: threading.Thread | None = None

    def send(self, *parts: Buffer) -> None:
        """Send one message, now or soon; the parts may be reused at once. Raises `LinkClosed` once the link is dead."""
        with self._changed:
            if self._dead is not None:
                raise LinkClosed(str(self._dead)) from self._dead
            at_once = not self._waiting and sum(map(len, parts)) <= SMALL
            if not at_once:
                self._waiting.append(tuple(bytes(part) for part in parts))
                self._changed.notify()
        if at_once:
            self._link.send(*parts)
        elif self._thread is None:
            self._thread = threading.Thread(target=self._work, name="sending", daemon=True)
            self._thread.start()

    @property
    def seen_speed(self) -> float | None:
        """How many bytes a second large messages really took, both ends computing; None: too few went so far."""
        with self._changed:
            return median(self._speeds) if len(self._speeds) == _SEEN else None

    def forget_speed(self) -> None:
        """What was seen so far does not count any more."""
        with self._changed:
            self._speeds.clear()

    def close(self) -> None:
        """Send nothing more."""
        with self._changed:
            self._closed = True
            self._changed.notify()

    def _work(self) -> None:
        while (parts := self._next()) is not None:
            began = self._clock()
            try:
                self._link.send(*parts)
            except LinkClosed as problem:
                self._end(problem)
                return
            self._sent(sum(map(len, parts)), self._clock() - began)

    def _sent(self, size: int, seconds: float) -> None:
        with self._changed:
            self._waiting.popleft()
            if size > SMALL:
                self._speeds.append(size / max(seconds, 1e-6))

    def _next(self) -> tuple[Buffer, ...] | None:
        with self._changed:
            self._changed.wait_for(lambda: self._closed or bool(self._waiting))
            return None if self._closed else self._waiting[0]

    def _end(self, problem: LinkClosed) -> None:
        with self._changed:
            self._dead = problem
            self._waiting.clear()
