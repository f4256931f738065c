"""The link for threads."""

from __future__ import annotations

import contextlib
import select
import socket
import threading
import time
from typing import final

from exo_core.errors import ConnectError, LinkClosed
from exo_core.transports import Buffer, Identity, Peer
from exo_transport_tcp.endpoints import Endpoint
from exo_transport_tcp.framing import framed
from exo_transport_tcp.session import Session, client_session
from exo_transport_tcp.socket_options import set_link_options

RECEIVE_BYTES = 256 * 1024


@final
class TcpBlockingLink:
    """A `BlockingLink`: see the contract there. Made once the session's handshake is over.

    A sender and a receiver hold a lock each while they use the socket; `close` first wakes both, then waits for the
    locks, so that the socket's number is never reused under a thread that is still in a call.
    """

    def __init__(self, link_socket: socket.socket, session: Session, peer: Peer) -> None:
        set_link_options(link_socket)
        link_socket.setblocking(True)
        self._socket = link_socket
        self._session = session
        self._peer = peer
        self._address = address_of(link_socket)
        self._space = memoryview(bytearray(RECEIVE_BYTES))
        self._sending = threading.Lock()
        self._receiving = threading.Lock()
        self._poll = select.poll()
        self._poll.register(link_socket, select.POLLIN)
        self._dead = ""

    @property
    def peer(self) -> Peer:
        """Who is at the other end."""
        return self._peer

    @property
    def address(self) -> str:
        """Host and port of the other end of the connection."""
        return self._address

    def send(self, *parts: Buffer) -> None:
        """Send one message."""
        pieces = framed(parts)
        with self._sending:
            self._check()
            try:
                for batch in self._session.sealed(pieces):
                    self._socket.sendall(batch)
            except (OSError, LinkClosed) as problem:
                raise self._died(str(problem)) from problem

    def receive(self, timeout: float | None = None) -> Buffer | None:
        """The next message, in memory that the next call overwrites."""
        with self._receiving:
            self._check()
            try:
                return self._receive(timeout)
            except (OSError, LinkClosed) as problem:
                raise self._died(str(problem)) from problem

    def close(self) -> None:
        """Close the link."""
        self._died("this side closed the link")
        with self._sending, self._receiving:
            self._socket.close()

    def _receive(self, timeout: float | None) -> Buffer | None:
        message = self._session.next_message()
        if message is None and timeout is not None and not self._session.has_begun and not self._readable(timeout):
            return None
        while message is None:
            count = self._socket.recv_into(self._space)
            if not count:
                text = "the other side closed the link"
                raise LinkClosed(text)
            self._session.channel.feed(self._space[:count])
            message = self._session.next_message()
        return message

    def _readable(self, timeout: float) -> bool:
        return bool(self._poll.poll(max(0.0, timeout) * 1000))

    def _check(self) -> None:
        if self._dead:
            raise LinkClosed(self._dead)

    def _died(self, reason: str) -> LinkClosed:
        """The first reason counts; whoever is blocked in the socket wakes up."""
        if not self._dead:
            self._dead = reason
            with contextlib.suppress(OSError):  # it is down already
                self._socket.shutdown(socket.SHUT_RDWR)
        return LinkClosed(self._dead)

    def __repr__(self) -> str:
        return f"TcpBlockingLink({self._peer.node_id} {self._peer.role} at {self._address}, {self._dead or 'alive'})"


def address_of(link_socket: socket.socket) -> str:
    """Host and port of the other end."""
    host, port = link_socket.getpeername()[:2]
    return str(Endpoint(str(host), int(port)))


def connect_blocking_link(
    identity: Identity, endpoint: Endpoint, *, expect: Peer | None, timeout: float
) -> TcpBlockingLink:
    """Connect within `timeout` seconds. Raises `ConnectError` or `AuthenticationError`."""
    deadline = time.monotonic() + timeout
    session = client_session(identity, expect=expect, reuse=True)
    with contextlib.ExitStack() as stack:
        try:
            link_socket = stack.enter_context(socket.create_connection((endpoint.host, endpoint.port), timeout))
            link = TcpBlockingLink(link_socket, session, _shake_hands(link_socket, session, deadline))
        except TimeoutError as problem:
            message = f"no answer within {timeout:g} s"
            raise ConnectError(message) from problem
        except (OSError, UnicodeError) as problem:  # the latter: no name that can be looked up
            message = f"cannot be reached: {problem}"
            raise ConnectError(message) from problem
        stack.pop_all()
    return link


def _shake_hands(link_socket: socket.socket, session: Session, deadline: float) -> Peer:
    try:
        peer = session.shake_hands()
        while peer is None:
            link_socket.settimeout(max(0.001, deadline - time.monotonic()))
            link_socket.sendall(session.channel.outgoing())
            received = link_socket.recv(session.allowance)
            if not received:
                message = "the connection was closed during the handshake"
                raise ConnectError(message)
            peer = session.shake_hands(received)
    except ConnectError:
        with contextlib.suppress(OSError):
            link_socket.sendall(session.channel.outgoing())  # an alert that says why
        raise
    link_socket.sendall(session.channel.outgoing())
    return peer
