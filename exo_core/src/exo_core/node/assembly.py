"""Which parts make a node, and what does each need? `running` says in which order they start and stop."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property, partial
from typing import final

from exo_core import __version__
from exo_core.control_plane.control_plane import ControlPlane
from exo_core.control_plane.telemetry_board import TelemetryBoard
from exo_core.gateway.gateway import Gateway
from exo_core.gateway.local_heads import LocalHeads
from exo_core.gateway.waiting import InstanceFinder
from exo_core.identifiers import NodeId, RunnerId
from exo_core.node.backend_probing import BackendProbing
from exo_core.node.cache_promises import CachePromises
from exo_core.node.changes import Changes
from exo_core.node.departures import Departures
from exo_core.node.door import make_door
from exo_core.node.first_errands import FirstErrands
from exo_core.node.greeting import Greeting
from exo_core.node.home import Home
from exo_core.node.idle_unloading import IdleUnloading
from exo_core.node.introductions import Introductions
from exo_core.node.kept_consistency import KeptConsistency
from exo_core.node.known_peers import KnownPeers
from exo_core.node.log_keeper import LogKeeper
from exo_core.node.measuring import MachineMeasure, measure_machine
from exo_core.node.membership import Membership
from exo_core.node.model_parts import ModelParts
from exo_core.node.node import Node, NodeParts
from exo_core.node.options import NodeOptions
from exo_core.node.real_clock import RealClock, SystemRng
from exo_core.node.start_counter import StartCounter
from exo_core.node.switchboard import Switchboard
from exo_core.node.telemetry_source import TelemetrySource
from exo_core.node.worker import Worker, WorkerContext
from exo_core.placement_rules.told_backends import DeviceMemory, device_memory, told_backends
from exo_core.plugins.manager import Plugins
from exo_core.router.router import Router
from exo_core.state.plan import assignments_of
from exo_core.transports import Peer, Ticket


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
        self.door = make_door(plugins, membership, options, self.switchboard, lambda: self.control_plane.consistency)
        self.backends = BackendProbing(plugins, options.backends, home.logs / "backends.log")
        self.starts = StartCounter(home.folder / "runner_starts")

    def _signal_runner(self, runner_id: RunnerId, sender: Peer, message: bytes) -> None:
        self.worker.signal(runner_id, sender, message)

    @cached_property
    def router(self) -> Router:
        """Links to the other nodes."""
        return Router(
            node_id=self.membership.node_id,
            transports=self.door.transports,
            hello=self.greeting.hello,
            judge=self.greeting.judge,
            clock=self.clock,
            rng=self.rng,
        )

    @cached_property
    def greeting(self) -> Greeting:
        """What this node says of itself, and whom it refuses."""
        return Greeting(
            membership=self.membership,
            options=self.options,
            plugins=self.plugins,
            kept=lambda: self.kept_consistency.value,
            state=lambda: self.control_plane.state,
            epoch=lambda: self.control_plane.epoch,
            tickets=lambda: self.door.tickets,
        )

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
            consistency=self.kept_consistency.value or self.options.consistency or "availability",
        )

    @cached_property
    def kept_consistency(self) -> KeptConsistency:
        """The cluster's, should the log be lost."""
        return KeptConsistency(self.membership.log_folder.with_name("consistency"))

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
            models=self.models.service,
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
            not_to_be_had=lambda: self.promises.not_to_be_had,
            log=lambda: self.control_plane.log_view,
            epoch=lambda: self.control_plane.epoch,
            master=lambda: self.control_plane.master_id,
            draining=lambda: self.gateway.is_draining,
            trouble=lambda: self.control_plane.trouble,
            runners=lambda: self.worker.telemetry,
            downloads=lambda: self.models.arrivals.telemetry,
            links=lambda: self.router.links,
            tickets_of=self._tickets_of,
        )

    def _measure_machine(self) -> MachineMeasure:
        return measure_machine(
            device_memory=self._device_memory(),
            runner_pids=[runner.pid for runner in self.worker.telemetry if runner.pid],
            max_memory=self.options.max_memory,
        )

    def _device_memory(self) -> DeviceMemory | None:
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
            resize=lambda runner_id, kv_bytes: self.worker.resize_caches(runner_id, kv_bytes),
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
    def models(self) -> ModelParts:
        """All that deals with models and their files."""
        return ModelParts(
            node_id=self.membership.node_id,
            folder=self.options.models_folder or self.home.models,
            log=self.home.logs / "backends.log",
            offline=self.options.offline,
            plugins=self.plugins,
            backends=self.backends,
            router=self.router,
            control_plane=self.control_plane,
            board=self.board,
            changes=self.changes,
            clock=self.clock,
        )

    @cached_property
    def worker(self) -> Worker:
        """The runners of this node."""
        return Worker(
            WorkerContext(
                node_id=self.membership.node_id,
                boot=self.membership.boot,
                plugins=self.plugins,
                files=self.models.shard_files,
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
    def heads(self) -> LocalHeads:
        """The first stages that are here, as gateways ask them."""
        return LocalHeads(lambda runner_id: self.worker.find_head(runner_id), most=self.options.max_queue)

    @cached_property
    def idle_unloading(self) -> IdleUnloading:
        """Removes what nobody uses, if it may."""
        return IdleUnloading(
            node_id=self.membership.node_id,
            heads=self.heads,
            state=lambda: self.control_plane.state,
            submit=self.control_plane.submit,
            clock=self.clock,
        )

    @cached_property
    def gateway(self) -> Gateway:
        """Requests of this node's clients."""
        finder = InstanceFinder(
            node_id=self.membership.node_id,
            state=lambda: self.control_plane.state,
            telemetry=lambda: self.board.telemetry,
            epoch=lambda: self.control_plane.epoch,
            changes=self.changes.subscribe,
            ensure=partial(self.models.service.ensure_instance, unload_after_s=self.options.idle_unload_s),
        )
        return Gateway(
            messenger=self.router,
            heads=self.heads,
            finder=finder,
            most=self.options.max_requests,
            exact=self.options.exact,
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
                heads=self.heads,
                library=self.models.library,
                models=self.models.service,
                downloads=self.models.downloads,
                changes=self.changes,
                departures=self.departures,
                tickets=lambda: self.door.tickets,
                recognition_tag=self.membership.secret.recognition_tag,
                invite=self.door.invite,
                hand_invitations=self.door.by_hand,
                telemetry=lambda: self.board.telemetry,
                tell_now=self.board.poke,
            ),
            self.membership.announcements,
        )
