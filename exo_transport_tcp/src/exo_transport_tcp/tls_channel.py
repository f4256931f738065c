"""TLS as bytes in and bytes out, safe for one thread that reads and one that writes.

OpenSSL's objects may not be read and written at the same time, and a lock around a blocking read would keep the writer
out. So OpenSSL works on memory here, which never blocks, under a lock; the socket is used outside of the lock.
"""

from __future__ import annotations

import ssl
import threading
from collections.abc import Callable
from typing import cast, final

from exo_core.transports import Buffer


@final
class TlsChannel:
    """One connection's TLS. All methods may raise `ssl.SSLError`, after which only `outgoing` makes sense."""

    def __init__(self, context: ssl.SSLContext, *, server_name: str | None) -> None:
        """A client that asks for `server_name`, or with None a server."""
        self._from_peer = ssl.MemoryBIO()
        self._to_peer = ssl.MemoryBIO()
        self._tls = context.wrap_bio(
            self._from_peer, self._to_peer, server_side=server_name is None, server_hostname=server_name
        )
        # typeshed does not know that `read` takes any writable buffer and then gives a count
        self._read = cast("Callable[[int, memoryview], int]", self._tls.read)
        self._lock = threading.Lock()

    @property
    def context(self) -> ssl.SSLContext:
        """The context in use; a server's may have been exchanged when the client named what it wants."""
        return self._tls.context

    @property
    def peer_leaf(self) -> bytes:
        """The other side's certificate, DER; empty before the handshake is complete."""
        return self._tls.getpeercert(binary_form=True) or b""

    def shake_hands(self) -> bool:
        """Go on with the handshake as far as the received bytes allow; True once it is complete on this side."""
        with self._lock:
            try:
                self._tls.do_handshake()
            except ssl.SSLWantReadError:
                return False
            return True

    def feed(self, data: Buffer) -> None:
        """Take bytes that came from the socket."""
        with self._lock:
            _ = self._from_peer.write(data)

    def read_into(self, space: memoryview) -> int:
        """Decrypt into `space`; how many bytes, 0 when more must be fed first.

        Raises `ssl.SSLZeroReturnError` once the other side has said goodbye.
        """
        with self._lock:
            if not self._from_peer.pending and not self._tls.pending():
                return 0  # cheaper than the exception below
            try:
                count = self._read(len(space), space)
            except ssl.SSLWantReadError:
                return 0
        if not count:
            raise ssl.SSLZeroReturnError
        return count

    def write(self, data: memoryview) -> None:
        """Encrypt all of `data`; `outgoing` has the result."""
        with self._lock:
            written = 0
            while written < len(data):
                written += self._tls.write(data[written:])

    @property
    def outgoing_bytes(self) -> int:
        """How many bytes `outgoing` would give."""
        return self._to_peer.pending

    def outgoing(self) -> bytes:
        """Everything that belongs on the socket now; may be empty."""
        with self._lock:
            return self._to_peer.read()

    def say_goodbye(self) -> None:
        """Tell the other side that nothing more will come."""
        with self._lock:
            try:
                _ = self._tls.unwrap()
            except ssl.SSLError:  # "want read": the other side's goodbye is not awaited; or it is beyond hearing
                return
