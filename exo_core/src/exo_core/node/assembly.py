"""Puts a node together, part by part in the order in which they need each other, and takes it apart again.

home and its lock → who we are, which cluster → transports listening → router → control plane (state, log, master)
→ worker (runners) and gateway (requests) → control socket → services (HTTP, discoveries)
"""

from __future__ import annotations

import logging
from collections.abc import AsyncGenerator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from functools import cached_property, partial
from typing import final

from exo_core import __version__
from exo_core.control_plane.control_plane import ControlPlane
from exo_core.control_plane.telemetry_board import TelemetryBoard
from exo_core.control_socket.operations import LocalOperations
from exo_core.control_socket.server import serving
from exo_core.errors import UserError
from exo_core.gateway.gateway import Gateway
from exo_core.gateway.waiting import InstanceFinder
from exo_core.identifiers import NodeId, RunnerId
from exo_core.identity.enrolment_messages import Consistency
from exo_core.model_sharing.asked_members import AskedMembers
from exo_core.model_sharing.file_server import FileServer
from exo_core.node.arrivals import Arrivals
from exo_core.node.backend_probing import BackendProbing
from exo_core.node.cache_promises import CachePromises
from exo_core.node.changes import Changes
from exo_core.node.chosen_plugins import plugins_for
from exo_core.node.departures import Departures, refusal_of
from exo_core.node.door import make_door
from exo_core.node.downloads import Downloads
from exo_core.node.first_errands import FirstErrands
from exo_core.node.holdings import Holdings
from exo_core.node.home import Home
from exo_core.node.introductions import Introductions
from exo_core.node.known_peers import KnownPeers
from exo_core.node.link_reception import LinkReception
from exo_core.node.log_keeper import LogKeeper
from exo_core.node.measuring import MachineMeasure, measure_machine
from exo_core.node.membership import Membership, membership_of
from exo_core.node.model_library import ModelLibrary
from exo_core.node.model_service import ModelService
from exo_core.node.node import Node, NodeParts
from exo_core.node.observed_links import observe_links
from exo_core.node.options import NodeOptions
from exo_core.node.real_clock import RealClock, SystemRng
from exo_core.node.setting_aside import set_aside
from exo_core.node.shard_files import ShardFiles
from exo_core.node.start_counter import StartCounter
from exo_core.node.switchboard import Switchboard
from exo_core.node.telemetry_source import TelemetrySource
from exo_core.node.worker import Worker, WorkerContext
from exo_core.node_handle import FrontDoor
from exo_core.placement_rules.told_backends import device_memory, told_backends
from exo_core.plugins.manager import Plugins
from exo_core.router.router import Router
from exo_core.runner.one_shot import choose_parts
from exo_core.sources import SourceContext
from exo_core.state.apply import reducer_fingerprint
from exo_core.state.plan import assignments_of
from exo_core.task_scope import TaskScope
from exo_core.transports import Peer, Ticket
from exo_core.wire.hello import Hello

logger = logging.getLogger(__name__)


@asynccontextmanager
async def running_node(options: NodeOptions, *, plugins: Plugins | None = None) -> AsyncGenerator[Node]:
    """A node that works while the context is open. Raises `UserError` when it cannot start.

    `plugins` are those that are installed, unless given.
    """
    home = Home(options.home)
    plugins = plugins or plugins_for(options)
    async with AsyncExitStack() as stack:
        stack.enter_context(home.locked())
        membership = await membership_of(home, options, plugins)
        assembly = Assembly(home, options, plugins, membership)
        stack.callback(assembly.set_aside_if_departed)
        await stack.enter_async_context(assembly.working())
        yield assembly.node


@final
class Assembly:
    """The parts of one node; each is made when it is first asked for."""

    def __init__(self, home: Home, options: NodeOptions, plugins: Plugins, membership: Membership) -> None:
        self.home = home
        self.options = options
        self.plugins = plugins
        self.membership = membership
        self.changes = Changes()
        self.clock = RealClock()
        self.rng = SystemRng()
        self.switchboard = Switchboard(self._signal_runner)
        self.door = make_door(
            plugins, membership, options, self.switchboard, lambda: self.control_plane.state.consistency
        )
        self.backends = BackendProbing(plugins, options.backends, home.logs / "backends.log")
        self.starts = StartCounter(home.folder / "runner_starts")

    @asynccontextmanager
    async def working(self) -> AsyncGenerator[None]:
        """Everything running; taken down in reverse, so that peers hear a goodbye before their links close."""
        reception = LinkReception(
            router=self.router, invitations=self.door.invitations, tickets=lambda: self.door.tickets
        )
        for ticket in (*self.membership.known, *map(self.door.ticket, self.options.peers)):
            self.router.add_peer(ticket)
        self.switchboard.connect(self.router)
        FileServer(self.router, self.holdings.held)
        async with AsyncExitStack() as stack:
            await stack.enter_async_context(self.door.open(reception))
            await stack.enter_async_context(self.router.running())
            stack.callback(self.log_keeper.close)
            await stack.enter_async_context(self.control_plane.running())
            self._refuse_other_consistency()
            await stack.enter_async_context(self.changes.following(self.control_plane.changed, self.board.changed))
            await stack.enter_async_context(self.gateway.running())
            await stack.enter_async_context(self.worker.running())
            await stack.enter_async_context(self.downloads.running())
            await stack.enter_async_context(serving(self.home.socket, LocalOperations(self.node)))
            await self._enter_services(stack)
            tasks = await stack.enter_async_context(TaskScope())
            self.router.on_refused = self.departures.refused
            tasks.start(self.introductions.run(), "introductions")
            tasks.start(self.departures.run(self.changes.subscribe), "departures")
            tasks.start(self.holdings.run(), "holdings")
            tasks.start(observe_links(self.router, self.plugins.observe), "observing links")
            tasks.start(self.first_errands.run(), "first errands")
            stack.callback(self.gateway.stop)  # first of all, so that clients hear why before their sockets close
            yield

    def set_aside_if_departed(self) -> None:
        """For when everything has been taken down: a former member's home begins anew."""
        departure = self.departures.departure
        if departure is not None and departure.how in ("left", "struck_off"):
            set_aside(self.home, self.membership)

    def _signal_runner(self, runner_id: RunnerId, sender: Peer, message: bytes) -> None:
        self.worker.signal(runner_id, sender, message)

    async def _enter_services(self, stack: AsyncExitStack) -> None:
        registers = [self.plugins.services(), *([self.plugins.discoveries()] if self.options.discovery else [])]
        for register in registers:
            for name in register.names:
                service = register.get(name)()
                await stack.enter_async_context(service.running(self.node))
                if isinstance(service, FrontDoor) and service.url is not None:
                    self.node.urls.append(service.url)

    # parts -----------------------------------------------------------------------------------------------------------

    @cached_property
    def router(self) -> Router:
        """Links to the other nodes."""
        return Router(
            node_id=self.membership.node_id,
            transports=self.door.transports,
            hello=self._hello,
            judge=self._judge,
            clock=self.clock,
            rng=self.rng,
        )

    def _judge(self, hello: Hello) -> str | None:
        """Former members are refused by name; that another cluster is refused, the router sees to."""
        forgotten = self.control_plane.state.left.get(hello.node_id)
        if forgotten is None:
            return None
        return refusal_of(hello.name, hello.node_id, forgotten=forgotten)

    def _hello(self) -> Hello:
        return Hello(
            exo_version=__version__,
            cluster_id=self.membership.cluster_id,
            node_id=self.membership.node_id,
            boot=self.membership.boot,
            name=self.options.name,
            epoch=self.control_plane.epoch,
            consistency=self._consistency,
            plugins=tuple(self.plugins.names),
            election="bully",
            reducer_fingerprint=reducer_fingerprint(),
            tickets=self.door.tickets,
        )

    @property
    def _consistency(self) -> Consistency | None:
        """The cluster's; while that is not known, what the person asked for, if anything."""
        state = self.control_plane.state
        return state.consistency if state.created else self.options.consistency

    def _refuse_other_consistency(self) -> None:
        asked, kept = self.options.consistency, self._consistency
        if asked is not None and asked != kept:
            message = (
                f"--consistency {asked}: this cluster keeps '{kept}', which was fixed when it was created; "
                "start without --consistency"
            )
            raise UserError(message)

    @cached_property
    def control_plane(self) -> ControlPlane:
        """State, log and master."""
        return ControlPlane(
            node_id=self.membership.node_id,
            boot=self.membership.boot,
            name=self.options.name,
            version=__version__,
            messenger=self.router,
            log=self.log_keeper.log,
            clock=self.clock,
            rng=self.rng,
            plugins=self.plugins,
            telemetry=self.board,
            is_creator=self.membership.is_creator,
            reopen=self.log_keeper.reopen,
            keep_state=self.log_keeper.keep_state,
            consistency=self.options.consistency or "availability",
        )

    @cached_property
    def log_keeper(self) -> LogKeeper:
        """The log: on disk, but for a private node."""
        kind = "memory" if self.options.private else "sqlite"
        return LogKeeper(self.plugins.event_logs().get(kind), self.membership.log_folder)

    @cached_property
    def first_errands(self) -> FirstErrands:
        """This machine's facts, the models asked for."""
        return FirstErrands(
            node_id=self.membership.node_id,
            options=self.options,
            plugins=self.plugins,
            backends=self.backends,
            models=self.models,
            offer=self.control_plane.offer,
            memory_total=lambda: self.telemetry_source.measure(0).memory_total,
        )

    @cached_property
    def board(self) -> TelemetryBoard:
        """What every node measured last."""
        return TelemetryBoard(messenger=self.router, clock=self.clock, measure=self.telemetry_source.measure)

    @cached_property
    def telemetry_source(self) -> TelemetrySource:
        """What this node measures of itself."""
        return TelemetrySource(
            node_id=self.membership.node_id,
            boot=self.membership.boot,
            name=self.options.name,
            worker=self.options.worker,
            measure_machine=self._measure_machine,
            promised=lambda: self.promises.beyond_placement,
            log=lambda: self.control_plane.log_view,
            epoch=lambda: self.control_plane.epoch,
            master=lambda: self.control_plane.master_id,
            trouble=lambda: self.control_plane.trouble,
            runners=lambda: self.worker.telemetry,
            downloads=lambda: self.arrivals.telemetry,
            links=lambda: self.router.links,
            tickets_of=self._tickets_of,
        )

    def _measure_machine(self) -> MachineMeasure:
        return measure_machine(
            device_memory=self._device_memory(),
            runner_pids=[runner.pid for runner in self.worker.telemetry if runner.pid],
            max_memory=self.options.max_memory,
        )

    def _device_memory(self) -> int | None:
        """As probed; until that is done, as it was at the last start: shards that are placed here load at once."""
        member = self.control_plane.state.members.get(self.membership.node_id)
        if self.backends.facts or member is None:
            return self.backends.device_memory
        return device_memory(facts for name, facts in told_backends(member).items() if name in self.backends.names)

    @cached_property
    def promises(self) -> CachePromises:
        """What the caches of this node's shards may take."""
        return CachePromises(
            measure=self._measure_machine,
            placed=lambda: assignments_of(self.control_plane.state, self.membership.node_id),
            clock=self.clock,
        )

    def _tickets_of(self, node_id: NodeId) -> Sequence[Ticket]:
        if node_id == self.membership.node_id:
            return self.door.tickets
        hello = self.router.peer_hello(node_id)
        return hello.tickets if hello is not None else ()

    @cached_property
    def introductions(self) -> Introductions:
        """How members find each other."""
        return Introductions(self.router, self.board, self.control_plane, self.known_peers)

    @cached_property
    def known_peers(self) -> KnownPeers:
        """Where members were reached last."""
        return KnownPeers(self.membership.log_folder.with_name("peers.json"))

    @cached_property
    def departures(self) -> Departures:
        """Who is no member any more."""
        return Departures(
            router=self.router,
            board=self.board,
            known=self.known_peers,
            clock=self.clock,
            state=lambda: self.control_plane.state,
        )

    @cached_property
    def library(self) -> ModelLibrary:
        """The sources."""
        models = self.options.models_folder or self.home.models
        return ModelLibrary(
            plugins=self.plugins,
            context=SourceContext(models=models, offline=self.options.offline, members=self.members_files),
            describe=self.backends.describe,
        )

    @cached_property
    def members_files(self) -> AskedMembers:
        """Models as the other members have them."""
        return AskedMembers(
            self.router, catalogued=lambda model_id: self.holdings.catalogued(model_id), name_of=self._name_of
        )

    def _name_of(self, node_id: NodeId) -> str:
        member = self.control_plane.state.members.get(node_id)
        return member.name if member is not None else node_id

    @cached_property
    def holdings(self) -> Holdings:
        """Models that lie on this disk, for the log and for the other members."""
        return Holdings(
            node_id=self.membership.node_id,
            library=self.library,
            state=lambda: self.control_plane.state,
            changes=self.changes.subscribe,
            on_their_way=lambda: self.control_plane.on_their_way,
            offer_soon=self.control_plane.offer_soon,
        )

    @cached_property
    def shard_files(self) -> ShardFiles:
        """What this node's shards read."""
        log = self.home.logs / "backends.log"
        return ShardFiles(
            self.library,
            partial(choose_parts, self.plugins, log=log),
            clock=self.clock,
            arrivals=self.arrivals,
            on_fetched=self.holdings.look_again,
        )

    @cached_property
    def arrivals(self) -> Arrivals:
        """What is on its way to this disk."""
        return Arrivals(self.clock, self.board.poke)

    @cached_property
    def downloads(self) -> Downloads:
        """Whole models that a person wants here."""
        return Downloads(self.router, library=self.library, files=self.shard_files, arrivals=self.arrivals)

    @cached_property
    def models(self) -> ModelService:
        """Adding and wishing models."""
        return ModelService(
            library=self.library, submit=self.control_plane.submit, state=lambda: self.control_plane.state
        )

    @cached_property
    def worker(self) -> Worker:
        """The runners of this node."""
        return Worker(
            WorkerContext(
                node_id=self.membership.node_id,
                boot=self.membership.boot,
                plugins=self.plugins,
                files=self.shard_files,
                promises=self.promises,
                transports=self.options.transports,
                data_listen=f":{self.options.data_ports}",
                logs=self.home.logs,
                certify=self.membership.certify,
                next_start=self.starts.next,
                state=lambda: self.control_plane.state,
                telemetry=lambda: self.board.telemetry,
                epoch=lambda: self.control_plane.epoch,
                on_their_way=lambda: self.control_plane.on_their_way,
                is_installing=lambda: self.control_plane.is_installing,
                changes=self.changes.subscribe,
                offer_soon=self.control_plane.offer_soon,
                changed=self.board.poke,
                relay=self.switchboard.from_runner,
            )
        )

    @cached_property
    def gateway(self) -> Gateway:
        """Requests of this node's clients."""
        finder = InstanceFinder(
            state=lambda: self.control_plane.state,
            telemetry=lambda: self.board.telemetry,
            epoch=lambda: self.control_plane.epoch,
            changes=self.changes.subscribe,
            ensure=self.models.ensure_instance,
        )
        return Gateway(
            messenger=self.router,
            find_head=lambda runner_id: self.worker.find_head(runner_id),
            finder=finder,
            observe=self.plugins.observe,
        )

    @cached_property
    def node(self) -> Node:
        """All of it, as front doors see it."""
        return Node(
            NodeParts(
                node_id=self.membership.node_id,
                boot=self.membership.boot,
                cluster_id=self.membership.cluster_id,
                home=self.home.folder,
                http=self.options.http,
                plugins=self.plugins,
                router=self.router,
                control_plane=self.control_plane,
                gateway=self.gateway,
                library=self.library,
                models=self.models,
                downloads=self.downloads,
                changes=self.changes,
                departures=self.departures,
                tickets=lambda: self.door.tickets,
                recognition_tag=self.membership.secret.recognition_tag,
                invite=self.door.invite,
                telemetry=lambda: self.board.telemetry,
            ),
            self.membership.announcements,
        )
