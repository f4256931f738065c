"""The first waist: what a transport gives, and what the core promises above it.

A transport moves whole messages between two parties that have proven who they are. It knows nothing of
exo's messages: framing, topics, streams, reconnection and the choice among a peer's addresses live above it.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from typing import NewType, Protocol

from exo_core.identifiers import NodeId

Ticket = NewType("Ticket", str)
"""Where and how to reach a listener: `scheme://…`, the scheme being the transport's name. Opaque to the core."""

Buffer = bytes | bytearray | memoryview

MAXIMUM_MESSAGE_BYTES = 64 * 1024 * 1024
"""The largest message that every Link must carry whole."""


@dataclass(frozen=True, kw_only=True)
class Identity:
    """What a transport proves who it speaks for with: a certificate, its key, and the authority over both sides.

    `node_id` is the machine's; `role` is `node`, `runner:<runner id>`, `joiner` or `inviter`. The certificate chain is
    one leaf, issued by the authority itself, in which the node vouches for its runner (see `identity/leaf.py`).
    `authority_pem` is the only root to trust, and `authority_name` the server name (SNI) by which a client says which
    authority it means. All certificates and keys are PEM. `meeting_key` is a secret of all who hold the authority, 32
    bytes: it says where they meet on a server that neither belongs to them nor may learn of them, and seals what they
    say there. Empty for a runner, which has its node for that.
    """

    node_id: NodeId
    role: str
    certificate_chain_pem: bytes
    private_key_pem: bytes
    authority_pem: bytes
    authority_name: str
    meeting_key: bytes = b""

    def __repr__(self) -> str:  # the keys must not reach a log
        return f"Identity({self.node_id} {self.role} under {self.authority_name})"


@dataclass(frozen=True, kw_only=True)
class Peer:
    """Who is at the other end of a link, as its certificate proves.

    `role` is `node` for a member's node, `runner:<runner id>` for a runner of that node, `joiner` or
    `inviter` on a link made under a join code.
    """

    node_id: NodeId
    role: str


class Link(Protocol):
    """One authenticated connection, for asyncio.

    Reliable, ordered, whole messages of 0 to MAXIMUM_MESSAGE_BYTES. It is born connected and dies once: after
    the first `LinkClosed`, from either method, every later call raises `LinkClosed` too. It never reconnects.
    One task may send while one other receives; two senders (or two receivers) at once are the caller's mistake.
    """

    @property
    def peer(self) -> Peer:
        """Who is at the other end, proven before the link was handed out."""
        ...

    @property
    def transport(self) -> str:
        """The name of the transport that made it."""
        ...

    @property
    def address(self) -> str:
        """Where the other end is, for people to read."""
        ...

    async def send(self, *parts: Buffer) -> None:
        """Send one message, the concatenation of `parts`, without copying them where the platform allows.

        Returns once the transport's own buffer has room again (backpressure), not when the peer has read it.
        The parts may be reused after it returns. Raises `LinkClosed`; `ValueError` above the maximum size.
        """
        ...

    async def receive(self) -> Buffer:
        """The next whole message. Cancelling loses nothing. Raises `LinkClosed`."""
        ...

    async def close(self) -> None:
        """Close the link, sending what `send` already took where possible. May be called any number of times."""
        ...


class BlockingLink(Protocol):
    """The same link for one sending thread and one receiving thread, without an event loop.

    Stages of a pipeline use it: a loopback round trip takes a third of what it takes through asyncio.
    """

    @property
    def peer(self) -> Peer:
        """Who is at the other end, proven before the link was handed out."""
        ...

    @property
    def address(self) -> str:
        """Where the other end is, for people to read."""
        ...

    def send(self, *parts: Buffer) -> None:
        """Send one message. Blocks while the peer does not read. Raises `LinkClosed`."""
        ...

    def receive(self, timeout: float | None = None) -> Buffer | None:
        """The next whole message, or None when none has begun within `timeout` seconds (None: wait for ever).

        The returned buffer is the caller's until its next `receive`. Raises `LinkClosed`.
        """
        ...

    def close(self) -> None:
        """Close the link; a thread blocked in `send` or `receive` gets `LinkClosed`. Callable from any thread."""
        ...


class BlockingListener(Protocol):
    """Where blocking links come in."""

    @property
    def tickets(self) -> Sequence[Ticket]:
        """What a peer's `connect_blocking` needs, best first."""
        ...

    def accept(self, timeout: float | None = None) -> BlockingLink | None:
        """The next authenticated link, or None after `timeout` seconds. Raises `LinkClosed` once closed."""
        ...

    def close(self) -> None:
        """Stop listening; links already accepted live on. Callable from any thread, any number of times."""
        ...


class Signaller(Protocol):
    """A side channel by which two parties that have no link yet can arrange one (WebRTC offers, for instance).

    In a node it runs over the cluster's links; in a runner over the pipe to its node, which relays.
    """

    async def send(self, peer: Peer, message: bytes) -> None:
        """Hand a message (at most 64 KiB) to that party. Best effort: it may be lost."""
        ...

    async def receive(self) -> tuple[Peer, bytes]:
        """The next message sent to us, with its proven sender."""
        ...


Accept = Callable[[Link], Awaitable[None]]
"""Called once per incoming link; when it returns or raises, the link is closed."""


class Listening(Protocol):
    """A transport that is being reached."""

    @property
    def tickets(self) -> Sequence[Ticket]:
        """By which peers reach it, best first (Thunderbolt before Ethernet before Wi-Fi)."""
        ...


@dataclass(frozen=True, kw_only=True)
class TransportContext:
    """What a transport is built with.

    `listen` is `host:port` (`port` may be a range `a-b` or 0), or None for the transport's default: any address, any
    port. `identity_named(name)` gives the identity to answer with when a peer asks for another authority than
    our own (a live join code), or None when there is none such; `identities_invited()` gives those of all live join
    codes, for a transport that has to wait for joiners under each of them. `settings` are the environment's
    EXO_<NAME>_<KEY>, key by key in lower case, for the transport of that name; a runner gets its node's.
    """

    identity: Identity
    signaller: Signaller | None = None
    listen: str | None = None
    identity_named: Callable[[str], Identity | None] = field(default=lambda _: None)
    identities_invited: Callable[[], Sequence[Identity]] = field(default=lambda: ())
    settings: Mapping[str, str] = field(default_factory=dict[str, str])


class Transport(Protocol):
    """Makes links. One object per process and transport, built by a `TransportFactory`."""

    @property
    def name(self) -> str:
        """The scheme of its tickets and the word on the command line."""
        ...

    def serve(self, accept: Accept) -> AbstractAsyncContextManager[Listening]:
        """Listen while the context is open; each authenticated link is handed to `accept` in a task of its own.

        Unauthenticated parties never reach `accept`. Raises `ConnectError` when it cannot listen (port in use), with
        the reason. Leaving the context stops listening and closes the links it handed out.
        """
        ...

    def ticket(self, endpoint: str) -> Ticket:
        """The ticket for what a person typed after `--peer` (`tcp://10.0.0.2:52416`). Raises `ValueError`."""
        ...

    async def connect(self, ticket: Ticket, *, expect: Peer | None = None, timeout: float = 5.0) -> Link:
        """A new authenticated link. Raises `ConnectError`, or `AuthenticationError` (also when it is not `expect`)."""
        ...

    def listen_blocking(self) -> BlockingListener | None:
        """A listener for blocking links, or None when this transport has none (asyncio links are used then)."""
        ...

    def connect_blocking(self, ticket: Ticket, *, expect: Peer | None = None, timeout: float = 5.0) -> BlockingLink:
        """Like `connect`, for threads. Raises as `connect`; `NotImplementedError` if `listen_blocking` gives None."""
        ...


TransportFactory = Callable[[TransportContext], Transport]
