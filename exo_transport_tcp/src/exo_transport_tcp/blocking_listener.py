"""Where links for threads come in: one thread drives all handshakes at once, so that a slow one holds up nobody."""

from __future__ import annotations

import logging
import queue
import selectors
import socket
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import final

from exo_core.errors import ConnectError, LinkClosed
from exo_core.transports import Ticket
from exo_transport_tcp.blocking_link import TcpBlockingLink
from exo_transport_tcp.listening_sockets import tickets_of
from exo_transport_tcp.session import HANDSHAKE_SECONDS, PENDING_HANDSHAKES, Session, server_session
from exo_transport_tcp.tls_contexts import ServerContexts

logger = logging.getLogger(__name__)


@dataclass(frozen=True, eq=False)
class _Newcomer:
    """Somebody who has not proven anything yet."""

    connection: socket.socket
    session: Session
    deadline: float


@final
class TcpBlockingListener:
    """A `BlockingListener`: see the contract there."""

    def __init__(self, sockets: Sequence[socket.socket], contexts: ServerContexts) -> None:
        self._sockets = sockets
        self._contexts = contexts
        self._links: queue.SimpleQueue[TcpBlockingLink | None] = queue.SimpleQueue()
        self._newcomers: dict[socket.socket, _Newcomer] = {}
        self._selector = selectors.DefaultSelector()
        self._wake_end, self._woken_end = socket.socketpair()
        self._closing = threading.Lock()
        self._closed = False
        for item in [*sockets, self._woken_end]:
            _ = self._selector.register(item, selectors.EVENT_READ)
        self._thread = threading.Thread(target=self._run, name="exo-tcp-listener", daemon=True)
        self._thread.start()

    @property
    def tickets(self) -> Sequence[Ticket]:
        """The addresses of this machine as they are now; none once closed."""
        return [] if self._closed else tickets_of(self._sockets)

    def accept(self, timeout: float | None = None) -> TcpBlockingLink | None:
        """The next authenticated link."""
        if self._closed:
            raise LinkClosed(_CLOSED)
        try:
            link = self._links.get(timeout=timeout)
        except queue.Empty:
            return None
        if link is None:
            self._links.put(None)  # for the next thread that waits
            raise LinkClosed(_CLOSED)
        return link

    def close(self) -> None:
        """Stop listening."""
        with self._closing:
            if not self._closed:
                self._closed = True
                self._wake_end.close()
                self._thread.join()

    # in the thread ---------------------------------------------------------------------------------------

    def _run(self) -> None:
        try:
            while not self._closed:
                for key, _ in self._selector.select(self._patience()):
                    self._ready(key.fileobj)
                self._drop_slow()
        finally:
            self._close_all()

    def _ready(self, ready: object) -> None:
        newcomer = self._newcomers.get(ready) if isinstance(ready, socket.socket) else None
        if newcomer is not None:
            self._go_on(newcomer)
        elif ready in self._sockets and isinstance(ready, socket.socket):
            self._welcome(ready)

    def _welcome(self, listening: socket.socket) -> None:
        """When too many are at it, the one who is at it longest has to go."""
        try:
            connection, _ = listening.accept()
        except OSError:  # gone again, or this process is out of descriptors: `select` will tell again
            return
        if len(self._newcomers) >= PENDING_HANDSHAKES:
            self._drop(next(iter(self._newcomers.values())))
        connection.setblocking(False)
        session = server_session(self._contexts, reuse=True)
        self._newcomers[connection] = _Newcomer(connection, session, time.monotonic() + HANDSHAKE_SECONDS)
        _ = self._selector.register(connection, selectors.EVENT_READ)

    def _go_on(self, newcomer: _Newcomer) -> None:
        session, connection = newcomer.session, newcomer.connection
        try:
            received = connection.recv(max(1, session.allowance))
            peer = session.shake_hands(received) if received else None
            _send_whole(connection, session.channel.outgoing())
            if peer is not None:
                self._forget(newcomer)
                self._links.put(TcpBlockingLink(connection, session, peer))
            elif not received:
                self._drop(newcomer)
        except BlockingIOError:
            return
        except (OSError, ConnectError) as problem:
            logger.debug("refused a connection: %s", problem)
            _try_to_send(connection, session.channel.outgoing())
            self._drop(newcomer)

    def _patience(self) -> float | None:
        deadlines = [newcomer.deadline for newcomer in self._newcomers.values()]
        return max(0.0, min(deadlines) - time.monotonic()) if deadlines else None

    def _drop_slow(self) -> None:
        now = time.monotonic()
        for newcomer in [item for item in self._newcomers.values() if item.deadline <= now]:
            self._drop(newcomer)

    def _drop(self, newcomer: _Newcomer) -> None:
        self._forget(newcomer)
        newcomer.connection.close()

    def _forget(self, newcomer: _Newcomer) -> None:
        if self._newcomers.pop(newcomer.connection, None) is not None:
            _ = self._selector.unregister(newcomer.connection)

    def _close_all(self) -> None:
        self._closed = True
        for newcomer in list(self._newcomers.values()):
            self._drop(newcomer)
        self._selector.close()
        for item in [*self._sockets, self._woken_end]:
            item.close()
        self._links.put(None)


_CLOSED = "this listener is closed"


def _send_whole(connection: socket.socket, data: bytes) -> None:
    """A handshake is far smaller than a socket's buffer; who does not even take that is not waited for."""
    if data and connection.send(data) != len(data):
        message = "the other side does not read"
        raise ConnectError(message)


def _try_to_send(connection: socket.socket, data: bytes) -> None:
    try:
        _send_whole(connection, data)
    except (OSError, ConnectError):
        return
