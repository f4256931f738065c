"""How does one direction of a memory link hold messages, with bounded room, delays and partitions?

Nothing is moved by timers: the reader asks, and learns how long the next message is still under way. So the same pipe
serves event loops and threads.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable
from typing import final

from exo_core.errors import LinkClosed
from exo_core.identifiers import NodeId
from exo_core.testing.memory_faults import Faults

ROOM_BYTES = 512 * 1024
"""A writer waits while more than this is under way or unread; one message above it is taken."""


@final
class Pipe:
    """Messages from one party to another, in order. Thread-safe.

    It ends in one of three ways: the writer closed it (what is under way still arrives), the reader closed it (writing
    fails), or it was dropped (both fail at once). The first two are heard only while the parties hear each other.
    """

    def __init__(self, faults: Faults, source: NodeId, target: NodeId) -> None:
        self.source = source
        self.target = target
        self._faults = faults
        self._lock = threading.Lock()
        self._messages: deque[tuple[float, bytes]] = deque()
        self._held = 0
        self._newest_arrival = 0.0
        self._writer_closed = False
        self._reader_closed = False
        self._dropped = False
        self._muted = False
        self.wake_reader: Callable[[], None] = _nobody
        self.wake_writer: Callable[[], None] = _nobody

    def put(self, message: bytes) -> None:
        """Add a message, room or not. Raises `LinkClosed`."""
        with self._lock:
            self._check_writable()
            arrival = self._faults.arrival(self.source, self.target, len(message))
            self._newest_arrival = max(self._newest_arrival, arrival)
            self._messages.append((self._newest_arrival, message))
            self._held += len(message)
        self.wake_reader()

    def has_room(self) -> bool:
        """Whether the writer may go on. Raises `LinkClosed` when it never can."""
        with self._lock:
            self._check_writable()
            return self._held <= ROOM_BYTES

    def take(self) -> bytes | float | None:
        """The next message; or the seconds until it arrives; or None when none is coming. Raises `LinkClosed`."""
        with self._lock:
            if self._dropped or self._reader_closed:
                raise LinkClosed(self._farewell())
            if self._muted or self._faults.is_cut(self.source, self.target):
                return None
            if not self._messages:
                if self._writer_closed:
                    raise LinkClosed(self._farewell())
                return None
            arrival, message = self._messages[0]
            if arrival and (wait := arrival - time.monotonic()) > 0:
                return wait
            self._messages.popleft()
            was_full = self._held > ROOM_BYTES
            self._held -= len(message)
        if was_full:
            self.wake_writer()
        return message

    def close_writing(self) -> None:
        """The writer is done; what it wrote still arrives."""
        self._writer_closed = True
        self.wake_both()

    def close_reading(self) -> None:
        """The reader is gone."""
        self._reader_closed = True
        self.wake_both()

    def drop(self) -> None:
        """The link died."""
        self._dropped = True
        self.wake_both()

    def mute(self) -> None:
        """Nothing comes through any more, not even that it ended."""
        self._muted = True

    @property
    def is_over(self) -> bool:
        """Whether no fault can matter to it any more."""
        return self._dropped or (self._writer_closed and self._reader_closed)

    def wake_both(self) -> None:
        """Have both ends look again."""
        self.wake_reader()
        self.wake_writer()

    def _check_writable(self) -> None:
        heard = not self._muted and not self._faults.is_cut(self.target, self.source)
        reader_heard = self._reader_closed and heard
        if self._dropped or self._writer_closed or reader_heard:
            raise LinkClosed(self._farewell())

    def _farewell(self) -> str:
        return f"the memory link from {self.source} to {self.target} {'died' if self._dropped else 'was closed'}"


def _nobody() -> None:
    """Nobody waits yet."""
