"""Sending beside computing: on a link where a large message takes long, a thread of its own waits for it."""

from __future__ import annotations

import threading
from collections import deque
from typing import Final, final

from exo_core.errors import LinkClosed
from exo_core.transports import BlockingLink, Buffer

SMALL: Final = 2**15
"""Bytes of a message that goes at once when nothing is ahead of it: a thread would only make it later."""


@final
class Sending:
    """Messages of one thread on their way into a link, in order. What waits is bounded by the steps under way."""

    def __init__(self, link: BlockingLink) -> None:
        self._link = link
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

    def close(self) -> None:
        """Send nothing more."""
        with self._changed:
            self._closed = True
            self._changed.notify()

    def _work(self) -> None:
        while (parts := self._next()) is not None:
            try:
                self._link.send(*parts)
            except LinkClosed as problem:
                self._end(problem)
                return
            with self._changed:
                self._waiting.popleft()

    def _next(self) -> tuple[Buffer, ...] | None:
        with self._changed:
            self._changed.wait_for(lambda: self._closed or bool(self._waiting))
            return None if self._closed else self._waiting[0]

    def _end(self, problem: LinkClosed) -> None:
        with self._changed:
            self._dead = problem
            self._waiting.clear()
