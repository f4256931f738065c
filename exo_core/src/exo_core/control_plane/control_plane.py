"""The driver: the only place where the control plane meets a clock, a network, threads and plugins.

Everything that happens is put into one inbox. One task takes all of it at once, lets the participant handle it on the
log's thread (`log_thread`), then sends, answers and tells what comes out of it (`performing`).
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Literal, final

from exo_core.clock import Clock, Rng
from exo_core.control_plane.accepting_loss import AcceptingLoss
from exo_core.control_plane.change_counter import ChangeCounter
from exo_core.control_plane.command_desk import CommandDesk
from exo_core.control_plane.duties import Duties
from exo_core.control_plane.fact_desk import FactDesk
from exo_core.control_plane.inbox import Inbox
from exo_core.control_plane.inputs import Input, Leaves, ReachableNow, Received, Tick
from exo_core.control_plane.ledger import Applied
from exo_core.control_plane.log_reader import LogReader
from exo_core.control_plane.log_thread import LogThread
from exo_core.control_plane.participant import Participant
from exo_core.control_plane.performing import Performing, applied_event
from exo_core.control_plane.telemetry_board import TelemetryBoard
from exo_core.control_plane.topics import ELECTION_TOPIC, LOG_TOPIC
from exo_core.control_plane.view import View
from exo_core.election.standing import Myself
from exo_core.errors import LogCorrupt
from exo_core.event_logs import EventLog
from exo_core.identifiers import BootId, CommandId, Epoch, NodeId
from exo_core.messaging import Messenger
from exo_core.node_handle import LogItem, LogView
from exo_core.placement import Topology
from exo_core.placement_rules.topology import topology_of
from exo_core.plugins.manager import Plugins
from exo_core.state.commands import Command, CommandAccepted, CommandAnswer, ForgetNode
from exo_core.state.events import Fact, NodeStarted
from exo_core.state.reports import missing_start
from exo_core.state.state import State

logger = logging.getLogger(__name__)

CATCH_UP_S = 5.0
LOOK_S = 0.25
"""How often a master looks around even if nothing happened."""


@final
class ControlPlane:
    """This node's state, kept equal with everybody else's. Belongs to one event loop; works while `running()`.

    `log` stays the caller's to close; `reopen` closes it and opens it again, which mends it, when a row turns out bad.
    `measure` gives the topology that placement reads; by default it is put together from the state and the telemetry.
    `is_creator`: this node founds the cluster if its log is empty. `keep_state` is given a state that went wrong, and
    at which entry.
    """

    def __init__(
        self,
        *,
        node_id: NodeId,
        boot: BootId,
        name: str,
        version: str,
        messenger: Messenger,
        log: EventLog,
        clock: Clock,
        rng: Rng,
        plugins: Plugins,
        telemetry: TelemetryBoard,
        is_creator: bool,
        consistency: Literal["availability", "majority"] = "availability",
        measure: Callable[[], Topology] | None = None,
        reopen: Callable[[], EventLog] | None = None,
        keep_state: Callable[[int, State], None] = lambda _, __: None,
    ) -> None:
        self._started = NodeStarted(node_id=node_id, boot=boot, name=name, version=version)
        self._messenger = messenger
        self._clock = clock
        self._rng = rng
        self._plugins = plugins
        self._board = telemetry
        self._is_creator = is_creator
        self._consistency: Literal["availability", "majority"] = consistency
        self._duties = Duties(node_id=node_id, rules=plugins, nodes=telemetry.nodes, measure=measure or self.topology)
        self._inbox = Inbox()
        self.changed = ChangeCounter()
        self._view = View(node_id, log)
        self._thread = LogThread(log, participate=self._participate, reopen=reopen, began_anew=self._began_anew)
        self._replayed: list[Applied] = []
        self._look_at = 0.0
        self._desk = CommandDesk(
            messenger=messenger,
            clock=clock,
            changed=self.changed,
            master=lambda: self.master_id,
            put=self._inbox.put,
            trouble=lambda: self.trouble,
        )
        self._facts = FactDesk(changed=self.changed, put=self._inbox.put, outbox=lambda: self._view.outbox)
        self._reader = LogReader(
            changed=self.changed,
            length=lambda: self.log_view.length,
            read=self._thread.read,
            is_ours=self._thread.has,
        )
        self._performing = Performing(
            view=self._view,
            messenger=messenger,
            plugins=plugins,
            reader=self._reader,
            desk=self._desk,
            facts=self._facts,
            keep_state=keep_state,
        )

        self._accepting_loss = AcceptingLoss(
            node_id=node_id, view=self._view, thread=self._thread, clock=clock, put=self._inbox.put
        )

    # what can be read ---------------------------------------------------------------------------------------

    @property
    def node_id(self) -> NodeId:
        """This node."""
        return self._started.node_id

    @property
    def state(self) -> State:
        """What this node knows."""
        return self._view.state

    @property
    def consistency(self) -> Literal["availability", "majority"]:
        """The cluster's; while the log does not say it, what this node was started with."""
        return self.state.consistency if self.state.created else self._consistency

    @property
    def live(self) -> frozenset[NodeId]:
        """Members that are alive as far as this node knows, itself included."""
        return self._view.live

    @property
    def master_id(self) -> NodeId | None:
        """Who leads, as this node knows."""
        return self._view.master_id

    @property
    def epoch(self) -> Epoch:
        """The highest that this node ever accepted."""
        return self._view.epoch

    @property
    def log_view(self) -> LogView:
        """How far the log goes."""
        return self._view.log

    @property
    def trouble(self) -> str | None:
        """Why this node does not lead although it might, for people; None: nothing is wrong with it."""
        return self._view.trouble

    @property
    def damage(self) -> str | None:
        """What of the log is lost here and not fetched again yet; None: nothing."""
        return self._thread.damage

    @property
    def is_installing(self) -> bool:
        """Whether a snapshot is on its way to replace what this node knows: until then no runner may be stopped."""
        return self._view.is_installing

    @property
    def on_their_way(self) -> tuple[Fact, ...]:
        """Facts of this node that its log does not hold yet: while there are any, no runner may be stopped."""
        return self._view.on_their_way

    def topology(self) -> Topology:
        """What placement would read now."""
        return topology_of(self.state, self._board.telemetry, self.live)

    # for the rest of the node -------------------------------------------------------------------------------

    async def submit(self, command: Command) -> CommandAnswer:
        """Have the master decide; the same command may reach it twice and is decided alike. Raises `NoMaster`.

        What was accepted is in this node's state too when it returns, so that whoever asked can look at it; a node that
        does not catch up within `CATCH_UP_S` returns without.
        """
        answer = await self._desk.submit(command)
        if isinstance(answer, CommandAccepted):
            await self.wait_for_index(answer.index, CATCH_UP_S)
        return answer

    async def leave(self, command_id: CommandId) -> CommandAnswer:
        """Have the master record that this node leaves, whose log need not hear of it any more. Raises `NoMaster`."""
        return await self._desk.submit(ForgetNode(command_id=command_id, node_id=self.node_id, forgotten=False))

    async def accept_loss(self, damage: str) -> None:
        """A person knows of that damage, and accepts it; see `AcceptingLoss`."""
        await self._accepting_loss.accept(damage)

    async def offer(self, fact: Fact) -> int:
        """Record what this node observed; see `FactDesk`."""
        return await self._facts.offer(fact)

    def offer_soon(self, fact: Fact) -> None:
        """The same without waiting: durable in the outbox, or in the log, after the next turn."""
        self._facts.offer_soon(fact)

    async def wait_for_index(self, index: int, timeout: float) -> bool:
        """True once log index `index` is applied here; False after `timeout` seconds."""
        return await self.changed.wait_until(lambda: self.log_view.length >= index, timeout)

    def events(self, after: int, chain: bytes | None = None) -> AsyncGenerator[LogItem]:
        """See `NodeHandle`."""
        return self._reader.events(after, chain)

    # running ------------------------------------------------------------------------------------------------

    @asynccontextmanager
    async def running(self) -> AsyncGenerator[None]:
        """Read the log, take part, and say goodbye at the end. Raises `LogError`."""
        async with self._thread.running():
            self._begin()
            async with self._board.running(), self._taking_part():
                yield

    @asynccontextmanager
    async def _taking_part(self) -> AsyncGenerator[None]:
        self._messenger.on_message(ELECTION_TOPIC, lambda sender, told: self._inbox.put(Received(sender, told)))
        self._messenger.on_message(LOG_TOPIC, lambda sender, told: self._inbox.put(Received(sender, told)))
        self._desk.open()
        self.offer_soon(self._started)
        try:
            async with asyncio.TaskGroup() as tasks:
                workers = [tasks.create_task(work) for work in (self._pump(), self._tick(), self._watch_peers())]
                try:
                    yield
                finally:
                    for worker in workers:
                        worker.cancel()
        except BaseExceptionGroup as group:  # the body's own error, or a worker's, as it was raised
            raise group.exceptions[0] from None
        finally:
            await self._turn([Leaves()])

    async def _pump(self) -> None:
        """Handle whatever happened, turn by turn."""
        while True:
            await self._turn(await self._inbox.take())

    async def _tick(self) -> None:
        while True:
            self._inbox.put(Tick())
            await self._clock.sleep(self._thread.participant.election.tick_s)

    async def _watch_peers(self) -> None:
        async for _ in self._messenger.peer_changes():
            self._inbox.put(ReachableNow(self._messenger.reachable))

    async def _turn(self, inputs: Sequence[Input]) -> None:
        now = self._clock.now()
        outputs = await self._thread.handle(inputs, now)
        participant = self._thread.participant
        changed = self._performing.perform(outputs, participant.state)
        if self._view.look(participant, self._clock.now()) or changed:
            self.changed.notify()
        if changed or now >= self._look_at:
            self._look_at = now + LOOK_S
            self._look_around(participant, now)

    def _look_around(self, participant: Participant, now: float) -> None:
        participant.priority = self._plugins.election_priority(self.node_id, self.state)
        concluded = self._duties.look(participant, self._messenger.reachable, now)
        if concluded is not None:
            self._inbox.put(concluded)
        for fact in missing_start(self.state, self._started, self.on_their_way):
            self.offer_soon(fact)

    # a participant begins -----------------------------------------------------------------------------------

    def _participate(self, log: EventLog, earlier: Participant | None) -> Participant:
        """On the log's thread: it reads all of it."""
        started, self._replayed = self._started, []
        return Participant(
            myself=Myself(node_id=started.node_id, boot=started.boot),
            name=started.name,
            log=log,
            rng=self._rng,
            now=self._clock.now(),
            creator=self._is_creator,
            consistency=self._consistency,
            replayed=self._replayed.append,
            earlier=earlier,
        )

    def _begin(self) -> None:
        replayed, self._replayed = self._replayed, []
        self._view.look(self._thread.participant, self._clock.now())
        for item in replayed:
            self._plugins.event_applied(applied_event(item, replayed=True), item.state)

    def _began_anew(self, problem: LogCorrupt) -> None:
        """A row had turned bad under us: what was on its way is asked for again, and the rest fetched from others."""
        self._facts.give_up(problem)
        self._desk.give_up()
        self._begin()
        self._inbox.put(ReachableNow(self._messenger.reachable))
        self._reader.cut(0)
        self.changed.notify()
