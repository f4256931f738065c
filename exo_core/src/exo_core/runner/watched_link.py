"""A stage's link to the next one, listened to all the time: an engine that only sends would not notice its end."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from queue import Empty, SimpleQueue
from typing import final

from exo_core.errors import LinkClosed
from exo_core.transports import BlockingLink, Buffer, Peer

logger = logging.getLogger(__name__)

MOST_KEPT = 64
"""Messages from the next stage that nobody has asked for yet."""


@final
class WatchedLink:
    """A `BlockingLink` that is received from by a thread of its own; what came is kept until `receive`."""

    def __init__(self, link: BlockingLink, on_end: Callable[[BlockingLink], None]) -> None:
        """`on_end` is told this link, from the thread, as soon as it is dead."""
        self._link = link
        self._on_end = on_end
        self._kept: SimpleQueue[bytes | LinkClosed] = SimpleQueue()
        self.send = link.send
        """As the link's own, without a detour."""

    def watch(self) -> None:
        """Begin to listen."""
        threading.Thread(target=self._watch, name="outgoing-watch", daemon=True).start()

    @property
    def peer(self) -> Peer:
        """The next stage."""
        return self._link.peer

    @property
    def address(self) -> str:
        """Where the next stage is."""
        return self._link.address

    def receive(self, timeout: float | None = None) -> Buffer | None:
        """What the next stage said back, or None after `timeout` seconds."""
        try:
            message = self._kept.get(timeout=timeout)
        except Empty:
            return None
        if isinstance(message, LinkClosed):
            self._kept.put(message)  # for whoever asks next
            raise LinkClosed(str(message)) from message
        return message

    def close(self) -> None:
        """Close the link; the thread ends."""
        self._link.close()

    def _watch(self) -> None:
        try:
            while self._kept.qsize() < MOST_KEPT:
                self._kept.put(bytes(self._link.receive() or b""))
            logger.warning("the next stage says things that nobody asked for")
            end = LinkClosed("the next stage said too much")
        except LinkClosed as problem:
            end = problem
        self._link.close()
        self._kept.put(end)
        self._on_end(self)
