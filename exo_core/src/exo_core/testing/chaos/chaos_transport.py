"""The transport `chaos`: another transport, whose links and connections go through what the faults say."""

from __future__ import annotations

import asyncio
import contextlib
import threading
import time
from collections.abc import AsyncGenerator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from typing import final

from exo_core.errors import ConnectError
from exo_core.testing.chaos.chaos_blocking_link import ChaosBlockingLink, ChaosBlockingListener
from exo_core.testing.chaos.chaos_link import NAME, ChaosLink
from exo_core.testing.chaos.fault_board import FaultBoard
from exo_core.testing.chaos.faults import directions
from exo_core.transports import Accept, Identity, Link, Listening, Peer, Ticket, Transport

SCHEME = f"{NAME}://"


@dataclass(frozen=True)
class ChaosListening:
    """A `Listening`."""

    tickets: tuple[Ticket, ...]


@final
class ChaosTransport:
    """A `Transport` around `inner`, which was built for the same identity.

    Whoever connects sees to the faults of connecting: both ends follow the same ones.
    """

    name = NAME

    def __init__(self, inner: Transport, identity: Identity, board: FaultBoard) -> None:
        self._inner = inner
        self._own = Peer(node_id=identity.node_id, role=identity.role)
        self._board = board

    def serve(self, accept: Accept) -> AbstractAsyncContextManager[Listening]:
        """Listen as the inner transport does."""
        return self._serve(accept)

    @asynccontextmanager
    async def _serve(self, accept: Accept) -> AsyncGenerator[Listening]:
        async def accept_wrapped(link: Link) -> None:
            wrapped = ChaosLink(link, self._own, self._board)
            try:
                await accept(wrapped)
            finally:
                await wrapped.close()

        async with self._inner.serve(accept_wrapped) as listening:
            yield ChaosListening(tuple(map(self._outer, listening.tickets)))

    def ticket(self, endpoint: str) -> Ticket:
        """As the inner transport understands it, under this one's scheme. Raises `ValueError`."""
        if endpoint.startswith(SCHEME):
            endpoint = f"{self._inner.name}://{endpoint.removeprefix(SCHEME)}"
        return self._outer(self._inner.ticket(endpoint))

    async def connect(self, ticket: Ticket, *, expect: Peer | None = None, timeout: float = 5.0) -> ChaosLink:
        """A new link, if the faults let it through in time."""
        deadline = time.monotonic() + timeout
        if expect is not None:
            await self._reach(expect, deadline)
        left = max(0.0, deadline - time.monotonic())
        link = await self._inner.connect(self._inside(ticket), expect=expect, timeout=left)
        try:
            await self._reach(link.peer, deadline)
        except BaseException:
            await link.close()
            raise
        return ChaosLink(link, self._own, self._board)

    def listen_blocking(self) -> ChaosBlockingListener | None:
        """As the inner transport does."""
        listener = self._inner.listen_blocking()
        if listener is None:
            return None
        return ChaosBlockingListener(listener, [*map(self._outer, listener.tickets)], self._own, self._board)

    def connect_blocking(
        self, ticket: Ticket, *, expect: Peer | None = None, timeout: float = 5.0
    ) -> ChaosBlockingLink:
        """Like `connect`, for threads."""
        deadline = time.monotonic() + timeout
        if expect is not None:
            self._reach_blocking(expect, deadline)
        left = max(0.0, deadline - time.monotonic())
        link = self._inner.connect_blocking(self._inside(ticket), expect=expect, timeout=left)
        try:
            self._reach_blocking(link.peer, deadline)
        except BaseException:
            link.close()
            raise
        return ChaosBlockingLink(link, self._own, self._board)

    async def _reach(self, peer: Peer, deadline: float) -> None:
        """Return when a message could go there and back. Raises `ConnectError`."""
        loop, changed = asyncio.get_running_loop(), asyncio.Event()

        def wake() -> None:
            loop.call_soon_threadsafe(changed.set)

        self._board.on_change(wake)
        try:
            while self._is_deaf(peer):
                changed.clear()
                left = self._left(peer, deadline)
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(left):
                        await changed.wait()
        finally:
            self._board.forget(wake)

    def _reach_blocking(self, peer: Peer, deadline: float) -> None:
        changed = threading.Event()
        self._board.on_change(changed.set)
        try:
            while self._is_deaf(peer):
                changed.clear()
                changed.wait(self._left(peer, deadline))
        finally:
            self._board.forget(changed.set)

    def _is_deaf(self, peer: Peer) -> bool:
        """Whether a message there, or its answer, would be held back. Raises `ConnectError` when it cannot be sent."""
        both = [self._board.weather(way) for way in directions(self._own, peer)]
        if any(way.cut for way in both):
            message = f"{peer.node_id} is cut off"
            raise ConnectError(message)
        return any(way.blackhole for way in both)

    @staticmethod
    def _left(peer: Peer, deadline: float) -> float:
        left = deadline - time.monotonic()
        if left <= 0:
            message = f"{peer.node_id} did not answer in time"
            raise ConnectError(message)
        return left

    def _outer(self, ticket: Ticket) -> Ticket:
        return Ticket(SCHEME + ticket.removeprefix(f"{self._inner.name}://"))

    def _inside(self, ticket: Ticket) -> Ticket:
        if not ticket.startswith(SCHEME):
            message = f"'{ticket}' is no ticket of {SCHEME}"
            raise ConnectError(message)
        return Ticket(f"{self._inner.name}://{ticket.removeprefix(SCHEME)}")
