"""The protocol from the first byte to the last, without any input or output: TLS, a welcome each way, messages.

A client of TLS 1.3 sees its handshake complete before the server has looked at its certificate. So each side, once it
has judged the other, says so by a first message, the welcome, and nothing is handed out before the other's came.
"""

from __future__ import annotations

import ssl
from collections.abc import Callable, Iterator, Sequence
from typing import final

from exo_core.errors import AuthenticationError, ConnectError, LinkClosed, WireError
from exo_core.identity.leaf import peer_of
from exo_core.transports import MAXIMUM_MESSAGE_BYTES, Buffer, Identity, Peer
from exo_transport_tcp.framing import FrameReader, framed
from exo_transport_tcp.tls_channel import TlsChannel
from exo_transport_tcp.tls_contexts import ServerContexts, client_context

WELCOME = b"exo-tcp/1 welcome"
WELCOME_MAXIMUM_BYTES = 64
HANDSHAKE_BYTES = 16 * 1024
"""How much may be received from somebody who has not proven anything."""

HANDSHAKE_SECONDS = 5.0
PENDING_HANDSHAKES = 64
BATCH_BYTES = 256 * 1024
"""How much is encrypted before it is handed to the socket."""

IdentityOf = Callable[[ssl.SSLContext], Identity]


@final
class Session:
    """One connection's two phases.

    First `shake_hands` until it gives the peer, feeding it what the socket brings and sending what `outgoing` gives;
    then `next_message` and `sealed`, the latter also from another thread.
    """

    def __init__(
        self, channel: TlsChannel, identity_of: IdentityOf, *, expect: Peer | None = None, reuse: bool = False
    ) -> None:
        self.channel = channel
        self._identity_of = identity_of
        self._expect = expect
        self._reader = FrameReader(reuse=reuse, maximum=WELCOME_MAXIMUM_BYTES)
        self._peer: Peer | None = None
        self._received = 0

    @property
    def allowance(self) -> int:
        """How many more bytes the other side may send before its welcome."""
        return HANDSHAKE_BYTES - self._received

    def shake_hands(self, received: Buffer = b"") -> Peer | None:
        """Go on as far as these bytes allow; the peer once both sides have welcomed each other.

        Raises `ConnectError`, and `AuthenticationError` when it is about who is there; `outgoing` may then hold an
        alert.
        """
        self._received += len(received)
        try:
            self.channel.feed(received)
            if self._peer is None and self.channel.shake_hands():
                self._peer = self._judged()
                self.channel.write(framed([WELCOME])[0])
            welcome = self._next() if self._peer else None
        except ssl.SSLError as problem:
            raise _refusal(problem) from problem
        except WireError as problem:
            raise ConnectError(_STRANGE) from problem
        if welcome is None:
            if self.allowance <= 0:
                raise ConnectError(_STRANGE)
            return None
        if bytes(welcome) != WELCOME:
            raise ConnectError(_STRANGE)
        self._reader.maximum = MAXIMUM_MESSAGE_BYTES
        return self._peer

    @property
    def has_begun(self) -> bool:
        """Whether part of a message is here."""
        return self._reader.has_begun

    def next_message(self) -> Buffer | None:
        """The next whole message in what was fed, or None. Raises `LinkClosed` when the other side ended it."""
        try:
            return self._next()
        except ssl.SSLZeroReturnError as problem:
            message = "the other side closed the link"
            raise LinkClosed(message) from problem
        except ssl.SSLError as problem:
            message = f"the link is broken: {problem.reason}"
            raise LinkClosed(message) from problem
        except WireError as problem:
            message = f"the other side broke the rules: {problem}"
            raise LinkClosed(message) from problem

    def sealed(self, pieces: Sequence[memoryview]) -> Iterator[bytes]:
        """The pieces of a message, encrypted, in batches for the socket. Must be used up. Raises `LinkClosed`."""
        try:
            for piece in pieces:
                for start in range(0, len(piece), BATCH_BYTES):
                    self.channel.write(piece[start : start + BATCH_BYTES])
                    if self.channel.outgoing_bytes >= BATCH_BYTES:
                        yield self.channel.outgoing()
        except ssl.SSLError as problem:
            message = f"the link is broken: {problem.reason}"
            raise LinkClosed(message) from problem
        yield self.channel.outgoing()

    def _next(self) -> Buffer | None:
        while (message := self._reader.take()) is None:
            count = self.channel.read_into(self._reader.space())
            if not count:
                return None
            self._reader.filled(count)
        return message

    def _judged(self) -> Peer:
        peer = peer_of(self.channel.peer_leaf, self._identity_of(self.channel.context))
        if self._expect not in {None, peer}:
            message = f"{peer.node_id} ({peer.role}) answered where {self._expect} was expected"
            raise AuthenticationError(message)
        return peer


def client_session(identity: Identity, *, expect: Peer | None, reuse: bool = False) -> Session:
    """The side that connects; its first bytes are in `channel.outgoing()` after `shake_hands()`."""
    channel = TlsChannel(client_context(identity), server_name=identity.authority_name)
    return Session(channel, lambda _: identity, expect=expect, reuse=reuse)


def server_session(contexts: ServerContexts, *, reuse: bool = False) -> Session:
    """The side that was connected to."""
    return Session(TlsChannel(contexts.first, server_name=None), contexts.identity_of, reuse=reuse)


_STRANGE = "the other side does not speak exo's protocol, or a version of it that this one does not"
_FOREIGN = (
    "the other side belongs to another cluster, or does not accept us: "
    "a join code may be used or expired. To join its cluster, run `exo invite` there"
)


def _refusal(problem: ssl.SSLError) -> ConnectError:
    """`CALLBACK_FAILED` is what a server sees that knows no identity under the authority it was asked for."""
    reason = problem.reason or ""
    if isinstance(problem, ssl.SSLCertVerificationError) or any(
        word in reason for word in ("UNKNOWN_CA", "UNRECOGNIZED_NAME", "CALLBACK_FAILED", "CERTIFICATE")
    ):
        return AuthenticationError(_FOREIGN)
    return ConnectError(f"{_STRANGE} ({reason})")
