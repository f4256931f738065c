"""The `Transport` of a memory network: how one party listens and connects."""

from __future__ import annotations

import asyncio
import contextlib
import queue
import threading
import time
from collections.abc import AsyncGenerator, Callable, Generator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, final

from exo_core.errors import ConnectError, LinkClosed
from exo_core.identifiers import NodeId
from exo_core.task_scope import TaskScope
from exo_core.testing.memory_links import BlockingMemoryLink, MemoryLink
from exo_core.testing.memory_pipe import Pipe
from exo_core.transports import Accept, Identity, Peer, Ticket, TransportContext

if TYPE_CHECKING:
    from exo_core.testing.memory_network import MemoryNetwork

SCHEME = "memory://"


@dataclass(frozen=True, kw_only=True)
class Listener:
    """Somebody who can be connected to. `take` gets the dialler and the two directions, seen from the dialler."""

    context: TransportContext
    take: Callable[[Peer, Pipe, Pipe], None]
    blocking: bool

    @property
    def node_id(self) -> NodeId:
        """Whose it is."""
        return self.context.identity.node_id

    def identity_for(self, authority_name: str) -> Identity | None:
        """With whom it answers a party that trusts this authority."""
        own = self.context.identity
        return own if own.authority_name == authority_name else self.context.identity_named(authority_name)


@dataclass(frozen=True)
class MemoryListening:
    """A `Listening`."""

    tickets: tuple[Ticket, ...]


@final
@dataclass
class MemoryTransport:
    """A `Transport` named `memory`. Made by `MemoryNetwork.transport`."""

    network: MemoryNetwork
    context: TransportContext
    name: str = field(default="memory", init=False)

    def ticket(self, endpoint: str) -> Ticket:
        address = endpoint.removeprefix(SCHEME)
        host, _, port = address.rpartition(":")
        if not endpoint.startswith(SCHEME) or not host or not port.isdecimal():
            message = f"'{endpoint}' is no memory endpoint; write memory://HOST:PORT"
            raise ValueError(message)
        return Ticket(endpoint)

    @asynccontextmanager
    async def serve(self, accept: Accept) -> AsyncGenerator[MemoryListening]:
        address = self._free_address()
        links: set[MemoryLink] = set()
        async with TaskScope() as scope:

            async def handle(link: MemoryLink) -> None:
                links.add(link)
                try:
                    await accept(link)
                finally:
                    links.discard(link)
                    await link.close()

            def take(peer: Peer, incoming: Pipe, outgoing: Pipe) -> None:
                link = MemoryLink(peer, f"{SCHEME}{peer.node_id}", incoming, outgoing)
                scope.start(handle(link), f"memory link from {peer.node_id}")

            self.network.listeners[address] = listener = Listener(context=self.context, take=take, blocking=False)
            try:
                yield MemoryListening((Ticket(SCHEME + address),))
            finally:
                if self.network.listeners.get(address) is listener:  # a killed node's address may be taken again
                    del self.network.listeners[address]
                for link in list(links):
                    await link.close()

    async def connect(self, ticket: Ticket, *, expect: Peer | None = None, timeout: float = 5.0) -> MemoryLink:
        try:
            async with asyncio.timeout(timeout):
                listener, peer = self._agree(ticket, expect, blocking=False)
                await self._hearing(listener.node_id)
                await asyncio.sleep(self._round_trip(listener.node_id))
                listener, peer = self._agree(ticket, expect, blocking=False)
        except TimeoutError:
            message = f"{ticket} did not answer within {timeout} s"
            raise ConnectError(message) from None
        there, back = self.network.pipe_pair(self.context.identity.node_id, listener.node_id)
        link = MemoryLink(peer, ticket, back, there)
        listener.take(self._self_as_peer(), there, back)
        return link

    def listen_blocking(self) -> BlockingMemoryListener:
        address = f"{self.context.identity.node_id}:{self.network.free_port()}"
        return BlockingMemoryListener(self, address)

    def connect_blocking(
        self, ticket: Ticket, *, expect: Peer | None = None, timeout: float = 5.0
    ) -> BlockingMemoryLink:
        deadline = time.monotonic() + timeout
        listener, peer = self._agree(ticket, expect, blocking=True)
        heard = threading.Event()
        with self._woken(heard.set):
            while self._deaf(listener.node_id):
                if not heard.wait(max(0.0, deadline - time.monotonic())):
                    message = f"{ticket} did not answer within {timeout} s"
                    raise ConnectError(message)
                heard.clear()
        there, back = self.network.pipe_pair(self.context.identity.node_id, listener.node_id)
        link = BlockingMemoryLink(peer, ticket, back, there)
        listener.take(self._self_as_peer(), there, back)
        return link

    def _self_as_peer(self) -> Peer:
        return Peer(node_id=self.context.identity.node_id, role=self.context.identity.role)

    def _agree(self, ticket: Ticket, expect: Peer | None, *, blocking: bool) -> tuple[Listener, Peer]:
        listener, peer = self.network.agree(self.context.identity, ticket.removeprefix(SCHEME), expect)
        if listener.blocking is not blocking:
            message = f"{ticket} takes {'blocking' if listener.blocking else 'asyncio'} links only"
            raise ConnectError(message)
        return listener, peer

    def _deaf(self, other: NodeId) -> bool:
        own, faults = self.context.identity.node_id, self.network.faults
        return faults.is_cut(own, other) or faults.is_cut(other, own)

    def _round_trip(self, other: NodeId) -> float:
        own, faults = self.context.identity.node_id, self.network.faults
        return faults.delay(own, other) + faults.delay(other, own)

    async def _hearing(self, other: NodeId) -> None:
        """Return once both can hear each other."""
        loop, healed = asyncio.get_running_loop(), asyncio.Event()
        with self._woken(lambda: loop.call_soon_threadsafe(healed.set)):
            while self._deaf(other):
                healed.clear()
                await healed.wait()

    @contextlib.contextmanager
    def _woken(self, waker: Callable[[], object]) -> Generator[None]:
        def call() -> None:
            waker()

        self.network.faults.on_change(call)
        try:
            yield
        finally:
            self.network.faults.forget(call)

    def _free_address(self) -> str:
        """Where to listen, as the context asks. Raises `ConnectError` when every such address is taken."""
        if self.context.listen is None:
            return f"{self.context.identity.node_id}:{self.network.free_port()}"
        host, _, ports = self.context.listen.rpartition(":")
        first, _, last = ports.partition("-")
        if first == "0":
            return f"{host}:{self.network.free_port()}"
        for port in range(int(first), int(last or first) + 1):
            if f"{host}:{port}" not in self.network.listeners:
                return f"{host}:{port}"
        message = f"memory://{self.context.listen} is in use"
        raise ConnectError(message)


@final
class BlockingMemoryListener:
    """A `BlockingListener`."""

    def __init__(self, transport: MemoryTransport, address: str) -> None:
        self.tickets = (Ticket(SCHEME + address),)
        self._address = address
        self._network = transport.network
        self._arrived: queue.SimpleQueue[BlockingMemoryLink | None] = queue.SimpleQueue()
        self._closed = False
        self._network.listeners[address] = Listener(context=transport.context, take=self._take, blocking=True)

    def accept(self, timeout: float | None = None) -> BlockingMemoryLink | None:
        if not self._closed:
            try:
                link = self._arrived.get(timeout=timeout)
            except queue.Empty:
                return None
            if link is not None:
                return link
        self._arrived.put(None)  # whoever else waits is to wake too
        message = "the memory listener was closed"
        raise LinkClosed(message)

    def close(self) -> None:
        self._closed = True
        self._network.listeners.pop(self._address, None)
        self._arrived.put(None)

    def _take(self, peer: Peer, incoming: Pipe, outgoing: Pipe) -> None:
        self._arrived.put(BlockingMemoryLink(peer, f"{SCHEME}{peer.node_id}", incoming, outgoing))
