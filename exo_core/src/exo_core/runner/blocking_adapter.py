"""A `BlockingLink` from an asyncio `Link`, for transports that have none of their own: a thread hop per message."""

from __future__ import annotations

import asyncio
import concurrent.futures
import threading
from collections.abc import Coroutine
from typing import Any, TypeVar, final

from exo_core.errors import LinkClosed
from exo_core.transports import Buffer, Link, Peer

ResultT = TypeVar("ResultT")


@final
class BlockingAdapter:
    """Runs a link's methods on its event loop for threads outside it. Never use it on the loop's own thread."""

    def __init__(self, link: Link, loop: asyncio.AbstractEventLoop) -> None:
        self._link = link
        self._loop = loop
        self._receiving: concurrent.futures.Future[Buffer] | None = None
        self._closed = threading.Event()

    @property
    def peer(self) -> Peer:
        """Who is at the other end."""
        return self._link.peer

    @property
    def address(self) -> str:
        """Where the other end is."""
        return self._link.address

    def send(self, *parts: Buffer) -> None:
        """Send one message. Raises `LinkClosed`."""
        self._on_loop(self._link.send(*parts)).result()

    def receive(self, timeout: float | None = None) -> Buffer | None:
        """The next message, or None after `timeout` seconds; a message that comes later is kept for the next call."""
        if self._receiving is None:
            self._receiving = self._on_loop(self._link.receive())
        try:
            message = self._receiving.result(timeout)
        except TimeoutError:
            return None
        except concurrent.futures.CancelledError as problem:
            raise _closed() from problem
        self._receiving = None
        return message

    def close(self) -> None:
        """Close the link; threads that wait get `LinkClosed`."""
        if not self._closed.is_set():
            self._closed.set()
            closing = self._link.close()
            try:
                asyncio.run_coroutine_threadsafe(closing, self._loop)
            except RuntimeError:  # the loop is closed, and the link with it
                closing.close()

    def _on_loop(self, work: Coroutine[Any, Any, ResultT]) -> concurrent.futures.Future[ResultT]:
        if self._closed.is_set():
            work.close()
            raise _closed()
        return asyncio.run_coroutine_threadsafe(work, self._loop)


def _closed() -> LinkClosed:
    message = "the link is closed"
    return LinkClosed(message)
