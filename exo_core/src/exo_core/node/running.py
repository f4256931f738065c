"""In which order does a node start, and stop? What others need comes first, and goes last.

home and its lock → who we are, which cluster → transports listening → router → control plane (state, log, master)
→ gateway (requests) and worker (runners) → control socket → services (HTTP, discoveries)
"""

from __future__ import annotations

import logging
from collections.abc import AsyncGenerator, Callable
from contextlib import AsyncExitStack, asynccontextmanager

from exo_core.control_socket.operations import LocalOperations
from exo_core.control_socket.server import serving
from exo_core.errors import TransportError
from exo_core.identity.enrolment import stay
from exo_core.model_sharing.file_server import FileServer
from exo_core.node.assembly import Assembly
from exo_core.node.chosen_plugins import plugins_for
from exo_core.node.home import Home
from exo_core.node.link_reception import LinkReception
from exo_core.node.membership import membership_of
from exo_core.node.node import Node
from exo_core.node.observed_links import observe_links
from exo_core.node.options import NodeOptions
from exo_core.node.setting_aside import set_aside
from exo_core.node_handle import FrontDoor
from exo_core.plugins.manager import Plugins
from exo_core.task_scope import TaskScope
from exo_core.transports import Link, Ticket

logger = logging.getLogger(__name__)


@asynccontextmanager
async def running_node(
    options: NodeOptions, *, plugins: Plugins | None = None, carry: Callable[[str], None] = lambda _: None
) -> AsyncGenerator[Node]:
    """A node that works while the context is open. Raises `UserError` when it cannot start.

    `plugins` are those that are installed, unless given. `carry` shows a person a text that has to come to the machine
    that invited this one by hand.
    """
    home = Home(options.home)
    plugins = plugins or plugins_for(options)
    async with AsyncExitStack() as stack:
        stack.enter_context(home.locked())
        membership = await membership_of(home, options, plugins, carry)
        parts = Assembly(home, options, plugins, membership)
        stack.callback(_set_aside_if_departed, parts)
        await stack.enter_async_context(_working(parts))
        yield parts.node


@asynccontextmanager
async def _working(parts: Assembly) -> AsyncGenerator[None]:
    """Everything running; taken down in reverse, so that peers hear a goodbye before their links close."""
    async with AsyncExitStack() as stack:
        await _enter_network(stack, parts)
        stack.callback(parts.log_keeper.close)
        await stack.enter_async_context(parts.control_plane.running())
        parts.greeting.refuse_other_consistency()
        await stack.enter_async_context(parts.changes.following(parts.control_plane.changed, parts.board.changed))
        await stack.enter_async_context(parts.gateway.running())
        await stack.enter_async_context(parts.worker.running())
        await stack.enter_async_context(parts.models.downloads.running())
        await stack.enter_async_context(serving(parts.home.socket, LocalOperations(parts.node)))
        await _enter_services(stack, parts)
        await _enter_tasks(stack, parts)
        stack.callback(parts.gateway.stop)  # first of all, so that clients hear why before their sockets close
        yield


async def _enter_network(stack: AsyncExitStack, parts: Assembly) -> None:
    reception = LinkReception(
        router=parts.router, invitations=parts.door.invitations, tickets=lambda: parts.door.tickets
    )
    for ticket in (*parts.membership.known, *map(parts.door.ticket, parts.options.peers)):
        parts.router.add_peer(ticket)
    parts.switchboard.connect(parts.router)
    FileServer(parts.router, parts.models.holdings.held)
    await stack.enter_async_context(parts.door.open(reception))
    await stack.enter_async_context(parts.router.running())
    if parts.membership.link is not None:
        await _keep(parts.membership.link, parts)


async def _keep(link: Link, parts: Assembly) -> None:
    """The link by which this machine joined is the one that it has."""
    try:
        ticket = next(iter(parts.membership.known), Ticket(f"{link.transport}://{link.peer.node_id}"))
        await parts.router.meet(await stay(link), ticket)
    except TransportError as problem:
        logger.warning("the link by which this machine joined is lost: %s", problem)


async def _enter_services(stack: AsyncExitStack, parts: Assembly) -> None:
    plugins = parts.plugins
    registers = [plugins.services(), *([plugins.discoveries()] if parts.options.discovery else [])]
    for register in registers:
        for name in register.names:
            service = register.get(name)()
            await stack.enter_async_context(service.running(parts.node))
            if isinstance(service, FrontDoor) and service.url is not None:
                parts.node.urls.append(service.url)


async def _enter_tasks(stack: AsyncExitStack, parts: Assembly) -> None:
    tasks = await stack.enter_async_context(TaskScope())
    parts.router.on_refused = parts.departures.refused
    tasks.start(parts.introductions.run(), "introductions")
    tasks.start(parts.departures.run(parts.changes.subscribe), "departures")
    tasks.start(parts.models.holdings.run(), "holdings")
    tasks.start(observe_links(parts.router, parts.plugins.observe), "observing links")
    tasks.start(parts.idle_unloading.run(), "unloading what is idle")
    tasks.start(parts.first_errands.run(), "first errands")
    keep = parts.kept_consistency.follow(lambda: parts.control_plane.state, parts.changes.subscribe)
    tasks.start(keep, "keeping the consistency")


def _set_aside_if_departed(parts: Assembly) -> None:
    """For when everything has been taken down: a former member's home begins anew."""
    departure = parts.departures.departure
    if departure is not None and departure.how in ("left", "struck_off"):
        set_aside(parts.home, parts.membership)
