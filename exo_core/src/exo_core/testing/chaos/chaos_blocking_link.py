"""A `BlockingLink` over another that goes through what the faults say, and the listener that gives such links."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from typing import final

from exo_core.errors import LinkClosed
from exo_core.testing.chaos.envelope import Opener, sealed, size_of
from exo_core.testing.chaos.fault_board import FaultBoard
from exo_core.testing.chaos.faults import directions
from exo_core.transports import BlockingLink, BlockingListener, Buffer, Peer, Ticket


@final
class ChaosBlockingLink:
    """`own`: who we are on this link. What arrived is held back here until its time has come."""

    def __init__(self, inner: BlockingLink, own: Peer, board: FaultBoard) -> None:
        self._inner = inner
        self._board = board
        self._out, self._in = directions(own, inner.peer)
        self._opener = Opener()
        self._held: tuple[float, Buffer] | None = None
        self._changed = threading.Condition()
        self._closed = False
        board.on_change(self._look)
        self._look()

    @property
    def peer(self) -> Peer:
        """Who is at the other end."""
        return self._inner.peer

    @property
    def address(self) -> str:
        """Where the other end is."""
        return self._inner.address

    def send(self, *parts: Buffer) -> None:
        """Send when the line is free. A message that is lost takes the link with it."""
        size = size_of(parts)
        self._wait(lambda: False, time.monotonic() + self._board.sent_after(self._out, size))
        if self._board.loses(self._out):
            self.close()
        try:
            for message in sealed(parts, size, time.monotonic() + self._board.delay(self._out)):
                self._inner.send(*message)
        except LinkClosed:
            self._wait(self._can_hear, None)
            self._forget()
            raise

    def receive(self, timeout: float | None = None) -> Buffer | None:
        """The next message whose time has come, or None."""
        deadline = None if timeout is None else time.monotonic() + timeout
        while self._held is None:
            left = None if deadline is None else max(0.0, deadline - time.monotonic())
            try:
                arrived = self._inner.receive(left)
            except LinkClosed:
                if not self._wait(self._can_hear, deadline):
                    return None
                self._forget()
                raise
            if arrived is None:
                return None
            self._held = self._opener.open(arrived)
        (arrival, message) = self._held
        if not self._wait(lambda: time.monotonic() >= arrival and self._can_hear(), deadline, arrival):
            return None
        self._held = None
        return message

    def close(self) -> None:
        """Close it; the other end hears of it when the faults allow."""
        self._forget()
        with self._changed:
            self._closed = True
            self._changed.notify_all()
        self._inner.close()

    def _can_hear(self) -> bool:
        return not self._board.weather(self._in).blackhole

    def _wait(self, is_over: Callable[[], bool], deadline: float | None, arrival: float = 0.0) -> bool:
        """Until it is over (looked at after each change and at `arrival`) or the link is closed; False: not in time."""
        with self._changed:
            while not (self._closed or is_over()):
                now = time.monotonic()
                if deadline is not None and now >= deadline:
                    return False
                moments = [moment - now for moment in (deadline, arrival) if moment is not None and moment > now]
                self._changed.wait(min(moments, default=None))
        return True

    def _look(self) -> None:
        """Called from any thread."""
        if self._board.weather(self._out).cut or self._board.weather(self._in).cut:
            self.close()
        with self._changed:
            self._changed.notify_all()

    def _forget(self) -> None:
        self._board.forget(self._look)


@final
class ChaosBlockingListener:
    """Wraps what the inner listener accepts. `tickets`: the inner ones, renamed."""

    def __init__(self, inner: BlockingListener, tickets: Sequence[Ticket], own: Peer, board: FaultBoard) -> None:
        self.tickets = tuple(tickets)
        self._inner = inner
        self._own = own
        self._board = board

    def accept(self, timeout: float | None = None) -> ChaosBlockingLink | None:
        """The next link, or None."""
        link = self._inner.accept(timeout)
        return None if link is None else ChaosBlockingLink(link, self._own, self._board)

    def close(self) -> None:
        """Stop listening."""
        self._inner.close()
