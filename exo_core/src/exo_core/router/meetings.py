"""How does a node come by its links? It meets whoever dials it, and dials whom it knows."""

from __future__ import annotations

import logging
from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager
from typing import final

from exo_core.clock import Clock
from exo_core.errors import ConnectError
from exo_core.identifiers import NodeId
from exo_core.placement import RELAY
from exo_core.router.address_book import scheme
from exo_core.router.connection import Connection, Inbound
from exo_core.router.introduction import Refused, Visitor, introduce
from exo_core.router.live_links import LiveLinks
from exo_core.router.refusals import RefusedLink
from exo_core.router.relay import Relay
from exo_core.router.settings import RouterSettings
from exo_core.router.traffic import Traffic
from exo_core.task_scope import TaskScope
from exo_core.transports import Link, Peer, Ticket, Transport
from exo_core.wire.hello import Hello, Judge, copied_identity

logger = logging.getLogger(__name__)


@final
class Meetings:
    """Turns links into live connections. `on_met` and `on_lost` hear of each peer that came and went.

    `on_refused` hears of each with whom there will be no link.
    """

    def __init__(
        self,
        *,
        links: LiveLinks,
        transports: Mapping[str, Transport],
        hello: Callable[[], Hello],
        judge: Judge,
        inbound: Inbound,
        scope: TaskScope,
        clock: Clock,
        settings: RouterSettings,
        relay: Relay,
    ) -> None:
        self.is_open = False
        """Whether new links are wanted."""
        self.on_met: Callable[[Hello], None] = lambda _: None
        self.on_lost: Callable[[Connection], None] = lambda _: None
        self.on_refused: Callable[[RefusedLink], None] = lambda _: None
        self.traffic = Traffic()
        self._links = links
        self._transports = transports
        self._hello = hello
        self._judge = judge
        self._inbound = inbound
        self._scope = scope
        self._clock = clock
        self._settings = settings
        self._relay = relay

    async def visit(self, link: Link) -> None:
        """Meet a peer that dialled us and serve its link until it dies. Raises `ConnectError` when it is refused."""
        with self._noting_refusals(link):
            connection = await self._receive_visitor(link)
        await self._serve(connection)

    async def connect(self, ticket: Ticket, expect: NodeId | None) -> Link:
        """A fresh link by a ticket, to that node or to whoever is there. Raises `ConnectError`."""
        if scheme(ticket) == RELAY and expect is not None:
            return self._relay.connect(ticket, expect)
        transport = self._transports.get(scheme(ticket))
        if transport is None:
            message = f"no transport for {ticket} is in use (--transport {scheme(ticket)})"
            raise ConnectError(message)
        peer = None if expect is None else Peer(node_id=expect, role="node")
        return await transport.connect(ticket, expect=peer, timeout=self._settings.connect_timeout)

    async def introduce(self, link: Link, ticket: Ticket, *, better: bool) -> None:
        """Make a fresh link the live one of its peer, or close it when none is wanted. Raises `ConnectError`."""
        served = False
        try:
            with self._noting_refusals(link):
                connection = await self._introduce(link, ticket, better=better)
            served = connection is not None and self._scope.start(self._serve(connection), f"{connection}") is not None
        finally:
            if not served:
                await link.close()

    @contextmanager
    def _noting_refusals(self, link: Link) -> Generator[None]:
        try:
            yield
        except Refused as refused:
            if refused.refusal.code not in ("duplicate", "role"):
                told = RefusedLink(
                    node_id=link.peer.node_id,
                    name=refused.name,
                    code=refused.refusal.code,
                    reason=refused.refusal.reason,
                    by_us=refused.by_us,
                )
                self.on_refused(told)
            raise

    async def _receive_visitor(self, link: Link) -> Connection:
        """Meet a peer that dialled us. Raises `ConnectError` when there will be no link."""
        visitor = Visitor(link, self._hello(), self._judge, self._settings.handshake_timeout)
        if link.peer.role != "node":
            raise await visitor.refuse("role", f"a {link.peer.role} speaks no cluster messages; only nodes do")
        hello = await visitor.heard()
        while (verdict := self._links.judge(hello)) == "ask":
            live = self._links.get(hello.node_id)
            if live is not None and await live.probe():
                raise await visitor.refuse("copied_identity", copied_identity(self._hello(), hello))
            if live is not None:
                live.stop("the peer restarted")
        if verdict == "duplicate":
            raise await visitor.refuse("duplicate", "another link between the two is being kept")
        connection = self._met(link, hello, number=self._links.number(), ticket=None, better=hello.better)
        try:
            await visitor.welcome(connection.own_number)
        except ConnectError:
            self._lost(connection)
            raise
        return connection

    async def _introduce(self, link: Link, ticket: Ticket, *, better: bool) -> Connection | None:
        """Say Hello over a fresh link; None when none is wanted: another one is there or on its way."""
        node_id = link.peer.node_id
        before = self._links.get(node_id)
        better = before is not None and (better or (before.is_relayed and link.transport != RELAY))
        if not self.is_open or not self._links.may_say_hello(node_id, better=better):
            return None
        number = self._links.number()
        own = self._hello().model_copy(update={"link_number": number, "better": better})
        self._links.hello_out(node_id)
        try:
            hello = await introduce(link, own, self._judge, self._settings.handshake_timeout)
        finally:
            self._links.hello_answered(node_id)
        live = self._links.get(node_id)
        if live is not None and live.hello.boot == hello.boot and live.peer_number > hello.link_number:
            return None
        return self._met(link, hello, number=number, ticket=ticket, better=better)

    def _met(self, link: Link, hello: Hello, *, number: int, ticket: Ticket | None, better: bool) -> Connection:
        connection = Connection(
            link,
            hello,
            ticket=ticket,
            own_number=number,
            inbound=self._inbound,
            clock=self._clock,
            settings=self._settings,
            traffic=self.traffic.of(hello.node_id),
        )
        logger.info("reached %s (%s) over %s %s", hello.name, hello.node_id, link.transport, link.address)
        self.on_met(hello)
        self._links.put(connection, better=better)
        return connection

    def _lost(self, connection: Connection) -> None:
        if self._links.remove(connection):
            self.on_lost(connection)

    async def _serve(self, connection: Connection) -> None:
        try:
            reason = await connection.run()
            logger.info("%s", reason)
        finally:
            self._lost(connection)
