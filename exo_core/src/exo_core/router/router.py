"""The `Messenger` of a node: peers by name, one live link to each, everything else behind it."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncGenerator, Awaitable, Callable, Collection, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TypeVar, cast, final

from exo_core.clock import Clock, Rng
from exo_core.errors import CallFailed, ConnectError, LinkClosed
from exo_core.identifiers import NodeId
from exo_core.messaging import Call, PeerChange, Priority, Stream, Topic
from exo_core.node_handle import LinkBytes
from exo_core.router.address_book import AddressBook, scheme
from exo_core.router.connection import Connection
from exo_core.router.credit import ARRIVING, ONWARD
from exo_core.router.dialer import Dialer
from exo_core.router.handlers import Handlers, StreamHandler, handle_stream
from exo_core.router.live_links import LiveLinks
from exo_core.router.local_streams import local_pair
from exo_core.router.meetings import Meetings
from exo_core.router.refusals import Refusals, RefusedLink
from exo_core.router.relay import Relay
from exo_core.router.settings import RouterSettings
from exo_core.router.streams import RouterStream
from exo_core.task_scope import TaskScope
from exo_core.transports import Buffer, Link, Ticket, Transport
from exo_core.wire.codec import decode, encode
from exo_core.wire.hello import Hello, Judge

logger = logging.getLogger(__name__)

MessageT = TypeVar("MessageT")
ReplyT = TypeVar("ReplyT")


@dataclass(frozen=True, kw_only=True)
class LiveLink:
    """A link as telemetry shows it. Measures are None until they were taken."""

    peer: NodeId
    transport: str
    address: str
    round_trip_ms: float | None
    bytes_per_s: float | None = None
    dropped: int = 0
    """Messages that were not sent because too much waited already."""


@final
class Router:
    """Implements `Messenger`. Works while `running()` is entered; transports hand their links of nodes to `accept`.

    `transports` are in order of preference. `hello` gives what this node says of itself now (its tickets included),
    `judge` its own reasons to refuse a peer. Enter the transports' `serve` before `running()`, so that on the way out
    the goodbyes go before the links are closed.
    """

    def __init__(
        self,
        *,
        node_id: NodeId,
        transports: Sequence[Transport],
        hello: Callable[[], Hello],
        judge: Judge = lambda _: None,
        clock: Clock,
        rng: Rng,
        settings: RouterSettings = RouterSettings(),  # noqa: B008 - frozen
    ) -> None:
        self._node_id = node_id
        self._transports = {transport.name: transport for transport in transports}
        self._hello = hello
        self._settings = settings
        self._handlers = Handlers()
        self._links = LiveLinks(node_id)
        self._scope = TaskScope()
        self._relay = Relay(self._links, rng)
        self._meetings = Meetings(
            links=self._links,
            transports=self._transports,
            hello=hello,
            judge=judge,
            inbound=self,
            scope=self._scope,
            clock=clock,
            settings=settings,
            relay=self._relay,
        )
        self._dialer = Dialer(
            book=AddressBook(list(self._transports)),
            caller=self._meetings,
            outlook=self,
            scope=self._scope,
            clock=clock,
            rng=rng,
            settings=settings,
        )
        self._meetings.on_met = self._met
        self._meetings.on_lost = self._lost
        self._meetings.on_refused = self._refused
        self._refusals = Refusals(clock)
        self.on_refused: Callable[[RefusedLink], None] = lambda _: None
        """Told whenever this node and another will not have a link; must not block."""
        self._relay.visit = self._meetings.visit
        self._handlers.on_stream(ONWARD, self._relay.carry)
        self._handlers.on_stream(ARRIVING, self._relay.arrive)
        self._waiting: list[Callable[[], None]] = []
        self._started = asyncio.Event()

    def __repr__(self) -> str:
        return f"Router({self._node_id}, reaches {sorted(self.reachable)})"

    # --- its life ------------------------------------------------------------------------------------------------

    @asynccontextmanager
    async def running(self) -> AsyncGenerator[None]:
        """Be a node: dial peers, answer them; say goodbye to them on the way out."""
        async with self._scope:
            self._meetings.is_open = True
            self._started.set()
            for deferred in self._waiting:
                deferred()
            try:
                yield
            finally:
                self._started.clear()
                self._meetings.is_open = False
                await self._say_goodbyes(f"{self._hello().name} is stopping")

    async def accept(self, link: Link) -> None:
        """Serve a link that a peer made, until it dies. Links of anything but nodes are refused. For `serve`."""
        await self._started.wait()
        try:
            await self._meetings.visit(link)
        except ConnectError as problem:
            logger.info("refused a link from %s at %s: %s", link.peer.node_id, link.address, problem)
        await link.close()

    async def meet(self, link: Link, ticket: Ticket) -> None:
        """Introduce ourselves over a link to a node that is there already; by `ticket` it would have been dialled.

        Works while `running()` is entered. Raises `ConnectError`; the link is closed then.
        """
        await self._meetings.introduce(link, ticket, better=False)

    def add_peer(self, ticket: Ticket) -> None:
        """Somebody is, or will be, at this ticket: try for as long as it takes."""
        self._when_running(lambda: self._dialer.hunt([ticket], keep=True))

    def suggest(self, *tickets: Ticket) -> None:
        """Somebody may be at these, all of one listener, best first: try a few times, then forget it."""
        own = self._hello().tickets
        usable = [ticket for ticket in tickets if scheme(ticket) in self._transports and ticket not in own]
        if usable:
            self._when_running(lambda: self._dialer.hunt(usable, keep=False))

    def learn(self, node_id: NodeId, tickets: Iterable[Ticket]) -> None:
        """A member is said to be reachable by these tickets: keep a link to it."""
        if node_id != self._node_id:
            told = tuple(tickets)
            self._when_running(lambda: self._dialer.learn(node_id, told))

    async def disconnect(self, node_id: NodeId, reason: str) -> None:
        """Tell a peer why it is no member any more, close its link and stop dialling it.

        That it does not come back is for `judge` to see to.
        """
        self._dialer.forget(node_id)
        connection = self._links.get(node_id)
        for moved in self._links.moved(node_id):
            moved.stop(reason)
        if connection is not None:
            await connection.say_goodbye(reason)

    @property
    def links(self) -> Sequence[LiveLink]:
        """The live links, by peer."""
        return [_described(connection) for _, connection in sorted(self._links.all.items())]

    @property
    def traffic(self) -> Mapping[NodeId, LinkBytes]:
        """Bytes to and from each peer that was ever met."""
        return self._meetings.traffic.totals

    @property
    def problems(self) -> Mapping[Ticket, str]:
        """Tickets that are tried in vain, and why, in sentences for people."""
        return dict(self._dialer.problems)

    @property
    def refusals(self) -> Sequence[RefusedLink]:
        """Nodes of late with whom there is no link because one of the two refused it."""
        return self._refusals.recent

    @property
    def carried(self) -> int:
        """How many links of other members run over this one as their relay."""
        return self._relay.carried

    def is_dialling(self, ticket: Ticket) -> bool:
        """Whether a ticket is being tried whose owner is not known yet."""
        return self._dialer.is_hunting(ticket)

    def peer_hello(self, node_id: NodeId) -> Hello | None:
        """What a reachable peer said of itself when its link was made."""
        connection = self._links.get(node_id)
        return None if connection is None else connection.hello

    # --- Messenger -----------------------------------------------------------------------------------------------

    @property
    def node_id(self) -> NodeId:
        return self._node_id

    @property
    def reachable(self) -> frozenset[NodeId]:
        return self._links.reachable

    def send(self, to: NodeId, topic: Topic[MessageT], message: MessageT) -> bool:
        if to == self._node_id:
            return self._handlers.take(to, topic.name, message)
        way = self._way_to(to)
        return way is not None and way.send(topic.priority, topic.name, encode(topic.adapter, message))

    async def ask(self, to: NodeId, call: Call[MessageT, ReplyT], question: MessageT, *, timeout: float) -> ReplyT:
        if to == self._node_id:
            async with asyncio.timeout(timeout):
                return cast("ReplyT", await self._handlers.answer(to, call.name, question))
        way = self._sure_way_to(to)
        reply = await way.ask(call.priority, call.name, encode(call.question, question), timeout)
        return decode(call.reply, reply)

    async def open_stream(self, to: NodeId, name: str, opening: Buffer, *, priority: Priority = "tokens") -> Stream:
        if to != self._node_id:
            return self._sure_way_to(to).open_stream(name, opening, priority)
        opened, accepted = local_pair(to, priority)
        self.stream(accepted, name, bytes(opening))
        return opened

    def on_message(self, topic: Topic[MessageT], handler: Callable[[NodeId, MessageT], None]) -> None:
        self._handlers.on_message(topic, handler)

    def on_call(self, call: Call[MessageT, ReplyT], handler: Callable[[NodeId, MessageT], Awaitable[ReplyT]]) -> None:
        self._handlers.on_call(call, handler)

    def on_stream(self, name: str, handler: StreamHandler) -> None:
        self._handlers.on_stream(name, handler)

    def peer_changes(self) -> AsyncGenerator[PeerChange]:
        return self._links.changes.subscribe()

    # --- what comes in (`Inbound`) -------------------------------------------------------------------------------

    def message(self, connection: Connection, name: str, body: bytes) -> None:
        """A message of a topic came."""
        self._handlers.take_bytes(connection.hello.node_id, name, body)

    def question(self, connection: Connection, call_id: int, name: str, body: bytes) -> None:
        """A question came: answer it in a task of its own."""
        try:
            question = self._handlers.question(name, body)
        except CallFailed as problem:
            connection.reply(call_id, "control", str(problem).encode(), failed=True)
            return
        if connection.answering >= self._settings.questions_per_link:
            connection.reply(call_id, "control", b"too many questions at once", failed=True)
            return
        self._scope.start(self._answer(connection, call_id, name, question), f"answering {name}")

    def stream(self, stream: RouterStream, name: str, opening: bytes) -> None:
        """A stream was opened to us: handle it in a task of its own."""
        handler = self._handlers.stream(name)
        if handler is None:
            stream.give_up(f"nobody takes streams named '{name}' there")
            return
        self._scope.start(handle_stream(handler, name, stream, opening), f"stream {name} from {stream.peer}")

    async def _answer(self, connection: Connection, call_id: int, name: str, question: object) -> None:
        priority = self._handlers.priority(name)
        connection.answering += 1
        try:
            body = await self._handlers.answer_bytes(connection.hello.node_id, name, question)
            connection.reply(call_id, priority, body)
        except (CallFailed, ValueError) as problem:  # ValueError: an answer that cannot be sent
            connection.reply(call_id, priority, str(problem).encode(), failed=True)
        finally:
            connection.answering -= 1

    # --- links ---------------------------------------------------------------------------------------------------

    def _way_to(self, node_id: NodeId) -> Connection | None:
        """Over which connection a peer is reached: its live link, which may itself run over a relay."""
        return self._links.get(node_id)

    def _sure_way_to(self, node_id: NodeId) -> Connection:
        way = self._way_to(node_id)
        if way is None:
            message = f"{node_id} cannot be reached"
            raise LinkClosed(message)
        return way

    def worse_than(self, node_id: NodeId) -> Collection[Ticket] | None:
        """For the dialer: see `Outlook`. Who dialled a direct link looks for a better one; of a relayed one both do."""
        connection = self._links.get(node_id)
        if connection is None or connection.is_relayed:
            return None if connection is None else ()
        link = connection.link  # a person may have typed a name, which leads to one of the addresses that are told
        return None if connection.ticket is None else (connection.ticket, Ticket(f"{link.transport}://{link.address}"))

    def relays(self, node_id: NodeId) -> Sequence[Ticket]:
        """For the dialer: see `Outlook`."""
        return self._relay.tickets(node_id)

    def _met(self, hello: Hello) -> None:
        self._refusals.met(hello.node_id)
        self._dialer.learn(hello.node_id, hello.tickets)
        self._dialer.met(hello.node_id)

    def _refused(self, refused: RefusedLink) -> None:
        self._refusals.note(refused)
        self.on_refused(refused)

    def _lost(self, connection: Connection) -> None:
        self._dialer.lost(connection.hello.node_id, at_once=not connection.said_goodbye)

    async def _say_goodbyes(self, reason: str) -> None:
        """First over relays, while those still carry."""
        connections = list(self._links.all.values())
        for relayed in (True, False):
            leaving = [connection for connection in connections if connection.is_relayed is relayed]
            await asyncio.gather(*(connection.say_goodbye(reason) for connection in leaving))

    def _when_running(self, action: Callable[[], None]) -> None:
        if self._scope.is_open:
            action()
        else:
            self._waiting.append(action)


def _described(connection: Connection) -> LiveLink:
    round_trip = connection.liveness.round_trip
    return LiveLink(
        peer=connection.hello.node_id,
        transport=connection.link.transport,
        address=connection.link.address,
        round_trip_ms=None if round_trip is None else round_trip * 1000,
        dropped=connection.dropped,
    )
