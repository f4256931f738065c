"""The two ends of a memory link: for an event loop, and for threads."""

from __future__ import annotations

import asyncio
import contextlib
import threading
import time
from collections.abc import Generator
from typing import final

from exo_core.errors import LinkClosed
from exo_core.testing.memory_pipe import Pipe
from exo_core.transports import MAXIMUM_MESSAGE_BYTES, Buffer, Peer


def _joined(parts: tuple[Buffer, ...]) -> bytes:
    message = b"".join(parts)
    if len(message) > MAXIMUM_MESSAGE_BYTES:
        complaint = f"a message of {len(message)} bytes is larger than {MAXIMUM_MESSAGE_BYTES}"
        raise ValueError(complaint)
    return message


@final
class _Waker:
    """Lets one coroutine wait for a call from any thread."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._thread = threading.get_ident()
        self._waiter: asyncio.Future[None] | None = None

    def __call__(self) -> None:
        if self._waiter is None:
            return
        if threading.get_ident() == self._thread:
            self._set()
        else:
            self._loop.call_soon_threadsafe(self._set)

    def _set(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)

    def arm(self) -> asyncio.Future[None]:
        """The future that the next call fulfils. Look once more after arming, before awaiting it."""
        self._waiter = self._loop.create_future()
        return self._waiter

    def disarm(self) -> None:
        """Nobody waits any more."""
        self._waiter = None


@final
class MemoryLink:
    """A `Link`. Both ends live in the process; they may live on different event loops."""

    transport = "memory"

    def __init__(self, peer: Peer, address: str, incoming: Pipe, outgoing: Pipe) -> None:
        self.peer = peer
        self.address = address
        self._incoming = incoming
        self._outgoing = outgoing
        self._readable, self._writable = _Waker(), _Waker()
        incoming.wake_reader = self._readable
        outgoing.wake_writer = self._writable

    def __repr__(self) -> str:
        return f"MemoryLink({self.peer.node_id} {self.peer.role} at {self.address})"

    async def send(self, *parts: Buffer) -> None:
        message = _joined(parts)
        try:
            while not self._outgoing.has_room():
                waiter = self._writable.arm()
                if not self._outgoing.has_room():
                    await waiter
            self._outgoing.put(message)
        except LinkClosed:
            self._shut()
            raise
        finally:
            self._writable.disarm()

    async def receive(self) -> bytes:
        try:
            while True:
                taken = self._incoming.take()
                if taken is None:
                    waiter = self._readable.arm()
                    taken = self._incoming.take()
                    if taken is None:
                        await waiter
                        continue
                if isinstance(taken, bytes):
                    return taken
                await asyncio.wait({self._readable.arm()}, timeout=taken)
        except LinkClosed:
            self._shut()
            raise
        finally:
            self._readable.disarm()

    async def close(self) -> None:
        self._shut()

    def _shut(self) -> None:
        self._outgoing.close_writing()
        self._incoming.close_reading()


@final
class BlockingMemoryLink:
    """A `BlockingLink`."""

    def __init__(self, peer: Peer, address: str, incoming: Pipe, outgoing: Pipe) -> None:
        self.peer = peer
        self.address = address
        self._incoming = incoming
        self._outgoing = outgoing
        self._readable, self._writable = threading.Event(), threading.Event()
        incoming.wake_reader = self._readable.set
        outgoing.wake_writer = self._writable.set

    def send(self, *parts: Buffer) -> None:
        message = _joined(parts)
        with self._dying_once():
            while True:
                self._writable.clear()
                if self._outgoing.has_room():
                    self._outgoing.put(message)
                    return
                self._writable.wait()

    def receive(self, timeout: float | None = None) -> bytes | None:
        deadline = None if timeout is None else time.monotonic() + timeout
        with self._dying_once():
            while True:
                self._readable.clear()
                taken = self._incoming.take()
                if isinstance(taken, bytes):
                    return taken
                left = None if deadline is None else deadline - time.monotonic()
                if left is not None and left <= 0:
                    return None
                waits = [seconds for seconds in (taken, left) if seconds is not None]
                self._readable.wait(min(waits) if waits else None)

    def close(self) -> None:
        self._outgoing.close_writing()
        self._incoming.close_reading()

    @contextlib.contextmanager
    def _dying_once(self) -> Generator[None]:
        try:
            yield
        except LinkClosed:
            self.close()
            raise
