"""What nodes say to each other, above links: messages by topic, requests with replies, streams with credit.

The router implements it; the control plane, the gateway and everything else in a node speak through it. Peers are
members, named by node id; how they are reached (transport, address, over a third member) is the router's business.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from typing import Generic, Literal, Protocol, TypeVar

from pydantic import TypeAdapter

from exo_core.frozen import Frozen
from exo_core.identifiers import NodeId
from exo_core.transports import Buffer

Priority = Literal["control", "tokens", "bulk"]
"""What goes first when several messages wait for one link."""

MessageT = TypeVar("MessageT")
ReplyT = TypeVar("ReplyT")


@dataclass(frozen=True)
class Topic(Generic[MessageT]):
    """A name, and the type of what is sent under it. At most 1 MiB a message; larger things go by stream."""

    name: str
    adapter: TypeAdapter[MessageT]
    priority: Priority = "control"


@dataclass(frozen=True)
class Call(Generic[MessageT, ReplyT]):
    """A question and the type of its reply."""

    name: str
    question: TypeAdapter[MessageT]
    reply: TypeAdapter[ReplyT]
    priority: Priority = "control"


class PeerChange(Frozen):
    """A member became reachable, or unreachable."""

    node_id: NodeId
    reachable: bool


class Stream(Protocol):
    """A two-way sequence of messages with credit: a slow reader stops its writer, nobody else.

    Ends once: after `close` here or there, or when the peer is lost, `receive` gives what had arrived and then
    raises `LinkClosed`; `send` raises it at once. A stream does not survive its connection.
    """

    @property
    def peer(self) -> NodeId:
        """The other end."""
        ...

    async def send(self, message: Buffer) -> None:
        """Send one message of at most 64 MiB; waits for credit. Raises `LinkClosed`."""
        ...

    async def receive(self) -> bytes:
        """The next message. Raises `LinkClosed` at the end."""
        ...

    async def close(self) -> None:
        """End it; what was sent still arrives. May be called any number of times."""
        ...


class Messenger(Protocol):
    """The nodes of this cluster as seen from one of them. Everything runs on one event loop."""

    @property
    def node_id(self) -> NodeId:
        """This node."""
        ...

    @property
    def reachable(self) -> frozenset[NodeId]:
        """Members that can be reached now, this node left out."""
        ...

    def send(self, to: NodeId, topic: Topic[MessageT], message: MessageT) -> bool:
        """Queue a message; False (and nothing sent) when `to` is unreachable or its queue is full. Never blocks."""
        ...

    async def ask(self, to: NodeId, call: Call[MessageT, ReplyT], question: MessageT, *, timeout: float) -> ReplyT:
        """Ask and wait. Raises `LinkClosed` when unreachable, `TimeoutError`, `CallFailed` when the other side could
        not answer (its handler raised, or it knows no such call), or `WireError` for a broken reply.

        To this node itself it is answered in place.
        """
        ...

    async def open_stream(self, to: NodeId, name: str, opening: Buffer, *, priority: Priority = "tokens") -> Stream:
        """A new stream to the handler of `name` there. Raises `LinkClosed` when unreachable."""
        ...

    def on_message(self, topic: Topic[MessageT], handler: Callable[[NodeId, MessageT], None]) -> None:
        """Have messages of a topic handled, in order per sender. One handler per topic; it must not block."""
        ...

    def on_call(self, call: Call[MessageT, ReplyT], handler: Callable[[NodeId, MessageT], Awaitable[ReplyT]]) -> None:
        """Have questions answered, each in a task of its own."""
        ...

    def on_stream(self, name: str, handler: Callable[[Stream, bytes], Awaitable[None]]) -> None:
        """Have streams handled, each in a task of its own and closed when that returns."""
        ...

    def peer_changes(self) -> AsyncIterator[PeerChange]:
        """Who is reachable now (one each), then every change, for ever."""
        ...
