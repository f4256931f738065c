"""The driver: the only place where the control plane meets a clock, a network, threads and plugins.

Everything that happens is put into one inbox. One task takes all of it at once, lets the participant handle it on the
writer thread (a slow disk must not stop the event loop), then sends, answers and tells what comes out of it.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from functools import partial
from typing import Literal, TypeVar, final

from exo_core.clock import Clock, Rng
from exo_core.control_plane.acknowledgements import Acknowledgements
from exo_core.control_plane.change_counter import ChangeCounter
from exo_core.control_plane.command_desk import CommandDesk
from exo_core.control_plane.duties import Duties
from exo_core.control_plane.inbox import Inbox
from exo_core.control_plane.inputs import (
    Acknowledged,
    CutTo,
    Decided,
    Differs,
    Input,
    Installed,
    Leaves,
    LossAccepted,
    MasterIs,
    Offered,
    Outgoing,
    Output,
    ReachableNow,
    Received,
    Tick,
)
from exo_core.control_plane.ledger import Applied
from exo_core.control_plane.log_reader import LogReader
from exo_core.control_plane.messages import ReplicationMessage
from exo_core.control_plane.participant import Participant
from exo_core.control_plane.telemetry_board import TelemetryBoard
from exo_core.control_plane.topics import ELECTION_TOPIC, LOG_TOPIC
from exo_core.election.standing import Myself
from exo_core.errors import ExoError, LogCorrupt, UserError
from exo_core.event_logs import EventLog
from exo_core.identifiers import BootId, CommandId, Epoch, NodeId
from exo_core.log.payloads import decode_fact
from exo_core.messaging import Messenger
from exo_core.node_handle import AppliedEvent, LogItem, LogView
from exo_core.observations import Observation
from exo_core.placement import Topology
from exo_core.placement_rules.topology import topology_of
from exo_core.plugins.manager import Plugins
from exo_core.state.commands import Command, CommandAccepted, CommandAnswer, ForgetNode
from exo_core.state.events import Entry, Fact, NodeStarted, Offer
from exo_core.state.reports import missing_start
from exo_core.state.state import State

logger = logging.getLogger(__name__)

CATCH_UP_S = 5.0
LOOK_S = 0.25
ACCEPT_LOSS_S = 10.0
"""How often a master looks around even if nothing happened."""
READ_BATCH = 256
OUTBOX_LIMIT = 4096
ResultT = TypeVar("ResultT")


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
        self._log = log
        self._clock = clock
        self._rng = rng
        self._plugins = plugins
        self._board = telemetry
        self._is_creator = is_creator
        self._consistency: Literal["availability", "majority"] = consistency
        self._duties = Duties(node_id=node_id, rules=plugins, nodes=telemetry.nodes, measure=measure or self.topology)
        self._reopen = reopen
        self._keep_state = keep_state
        self._inbox = Inbox()
        self.changed = ChangeCounter()
        self._desk = CommandDesk(
            messenger=messenger,
            clock=clock,
            changed=self.changed,
            master=lambda: self.master_id,
            put=self._inbox.put,
            trouble=lambda: self.trouble,
        )
        self._acknowledgements = Acknowledgements()
        self._participant: Participant | None = None
        self._alone = asyncio.Lock()
        """Held by whoever uses the log: a turn, or a reader."""
        self._look_at = 0.0
        self._reader = LogReader(
            changed=self.changed, length=lambda: self.log_view.length, read=self._read, is_ours=self._is_ours
        )
        self.state = State()
        self.live: frozenset[NodeId] = frozenset({node_id})
        self.master_id: NodeId | None = None
        self.log_view = LogView(length=0, settled=0, hash="")
        self.epoch: Epoch = log.epoch
        self.trouble: str | None = log.damage
        """Why this node does not lead although it might, for people; None: nothing is wrong with it."""
        self.is_installing = False
        """Whether a snapshot is on its way to replace what this node knows: until then no runner may be stopped."""
        self._outbox: Sequence[Offer] = log.outbox
        self._unsaved: tuple[Fact, ...] = ()

    @property
    def node_id(self) -> NodeId:
        """This node."""
        return self._started.node_id

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

    @property
    def damage(self) -> str | None:
        """What of the log is lost here and not fetched again yet; None: nothing."""
        return self._log.damage

    async def accept_loss(self) -> None:
        """Go on with what the log here still holds. Returns once it is so.

        Raises `UserError` when a master restores it instead, when more turned out bad meanwhile, or when the disk takes
        no write for `ACCEPT_LOSS_S`.
        """
        damage, until = self._log.damage, self._clock.now() + ACCEPT_LOSS_S
        logger.warning("a person accepts the loss: %s", damage)
        while self._log.damage is not None:
            is_restored = self.master_id not in (None, self.node_id)
            if is_restored or self._log.damage != damage or self._clock.now() >= until:
                message = f"the loss was not accepted: {self.trouble}. See: exo status"
                raise UserError(message)
            self._inbox.put(LossAccepted())
            await self._clock.sleep(LOOK_S)

    @property
    def on_their_way(self) -> tuple[Fact, ...]:
        """Facts of this node that its log does not hold yet: while there are any, no runner may be stopped."""
        decoded = [decode_fact(offer.payload) for offer in self._outbox]
        return (*(fact for fact in decoded if fact is not None), *self._unsaved)

    async def offer(self, fact: Fact) -> int:
        """Record what this node observed. Returns its index once it is safe, however many masters that takes.

        While `OUTBOX_LIMIT` facts wait already it is not even kept, and this call waits for room. Raises `LogCorrupt`
        when a row of the log turned bad meanwhile: the fact is kept then, but it is not known when it is safe.
        """
        while len(self._outbox) >= OUTBOX_LIMIT:
            await self.changed.wait(self.changed.version)
        with self._acknowledgements.waiting() as (waiter, answer):
            self._inbox.put(Offered(waiter, fact))
            return await answer

    def offer_soon(self, fact: Fact) -> None:
        """The same without waiting: durable in the outbox, or in the log, after the next turn."""
        self._inbox.put(Offered(0, fact))

    async def wait_for_index(self, index: int, timeout: float) -> bool:
        """True once log index `index` is applied here; False after `timeout` seconds."""
        if self.log_view.length >= index:
            return True
        try:
            async with asyncio.timeout(timeout):
                while self.log_view.length < index:
                    await self.changed.wait(self.changed.version)
        except TimeoutError:
            return False
        return True

    def events(self, after: int, chain: bytes | None = None) -> AsyncGenerator[LogItem]:
        """See `NodeHandle`."""
        return self._reader.events(after, chain)

    async def _is_ours(self, index: int, chain: bytes) -> bool:
        """Whether the log here has that chain there. What a snapshot replaced cannot be told, and is not told again."""
        async with self._alone:
            is_kept = index >= self._log.first_index - 1
            return not is_kept or await self._in_writer(partial(self._log.chain_at, index)) == chain

    async def _read(self, after: int) -> tuple[int, Sequence[Entry]]:
        """Entries after an index, or after the snapshot that replaced them. A row that turns bad is mended first."""
        async with self._alone:
            while True:
                try:
                    position = max(after, self._log.first_index - 1)
                    return position, await self._in_writer(partial(self._log.read, position, READ_BATCH))
                except LogCorrupt as problem:
                    await self._start_anew(problem)

    # running ------------------------------------------------------------------------------------------------

    @asynccontextmanager
    async def running(self) -> AsyncGenerator[None]:
        """Read the log, take part, and say goodbye at the end. Raises `LogError`."""
        with ThreadPoolExecutor(max_workers=1, thread_name_prefix="exo-log") as self._writer:
            await self._read_log()
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

    async def _read_log(self) -> None:
        replayed: list[Applied] = []
        started = self._started
        build = partial(
            Participant,
            myself=Myself(node_id=started.node_id, boot=started.boot),
            name=started.name,
            log=self._log,
            rng=self._rng,
            now=self._clock.now(),
            creator=self._is_creator,
            consistency=self._consistency,
            replayed=replayed.append,
            earlier=self._participant,
        )
        self._participant = await self._in_writer(build)
        self._look_here(self._participant)
        for item in replayed:
            self._plugins.event_applied(_applied_event(item, replayed=True), item.state)

    async def _pump(self) -> None:
        """Handle whatever happened, turn by turn."""
        while True:
            await self._turn(await self._inbox.take())

    async def _tick(self) -> None:
        while True:
            self._inbox.put(Tick())
            await self._clock.sleep(self._present().election.tick_s)

    async def _watch_peers(self) -> None:
        async for _ in self._messenger.peer_changes():
            self._inbox.put(ReachableNow(self._messenger.reachable))

    async def _handled(self, inputs: Sequence[Input], now: float) -> Sequence[Output]:
        async with self._alone:
            participant = self._present()
            try:
                if participant.is_calm(inputs):
                    return participant.handle(inputs, now, calm=True)
                return await self._in_writer(partial(participant.handle, inputs, now))
            except LogCorrupt as problem:
                await self._start_anew(problem)
                return ()

    async def _turn(self, inputs: Sequence[Input]) -> None:
        now = self._clock.now()
        outputs = await self._handled(inputs, now)
        participant = self._present()
        changed = [self._perform(output) for output in outputs]
        self._look_here(participant)
        if any(changed):
            self.changed.notify()
        if any(changed) or now >= self._look_at:
            self._look_at = now + LOOK_S
            participant.priority = self._plugins.election_priority(self.node_id, self.state)
            concluded = self._duties.look(participant, self._messenger.reachable, now)
            if concluded is not None:
                self._inbox.put(concluded)
            for fact in missing_start(self.state, self._started, self.on_their_way):
                self.offer_soon(fact)

    async def _start_anew(self, problem: LogCorrupt) -> None:
        """A row turned bad under us: open the log again, which sets the bad part aside, and fetch it from others."""
        if self._reopen is None:
            raise problem
        logger.error("%s", problem)
        self._log = await self._in_writer(self._reopen)
        self._acknowledgements.give_up(problem)
        self._desk.give_up()
        await self._read_log()
        self._inbox.put(ReachableNow(self._messenger.reachable))
        self._reader.cut(0)
        self.changed.notify()

    def _look_here(self, participant: Participant) -> None:
        """Copy what others may read at any time; the participant belongs to the writer thread."""
        ledger, state = participant.ledger, participant.state
        self.log_view = LogView(length=ledger.length, settled=participant.extent.settled, hash=ledger.chain.hex())
        self.epoch = participant.election.epoch
        self._outbox, self._unsaved = ledger.outbox, participant.unsaved
        self.is_installing = participant.is_installing
        if participant.trouble != self.trouble:
            self.trouble = participant.trouble
            logger.log(logging.WARNING if self.trouble else logging.INFO, "%s", self.trouble or "the trouble is over")
            self.changed.notify()
        live = participant.live(self._clock.now())
        if state is not self.state or live != self.live:
            self.state, self.live = state, live
            self.changed.notify()

    def _perform(self, output: Output) -> bool:
        """Do it; True when others may want to know."""
        match output:
            case Outgoing():
                self._send(output)
                return False
            case Applied():
                self.state = output.state
                self._plugins.event_applied(_applied_event(output, replayed=False), output.state)
            case CutTo():
                self._reader.cut(output.length)
                self._plugins.state_rolled_back(output.length, self._present().state)
            case Installed():
                self.state = output.state
                self._reader.cut(0)  # how much of what was told is common is not known
                self._plugins.state_rolled_back(output.index, output.state)
            case Differs():
                logger.error("the state at entry %d differs from that of %s", output.index, ", ".join(output.peers))
                self._keep_state(output.index, output.state)
                return False
            case MasterIs():
                self._on_master(output)
            case Acknowledged():
                self._acknowledgements.came(output)
                return False
            case Decided():
                self._desk.decided(output)
                return False
        return True

    def _send(self, output: Outgoing) -> None:
        """Best effort: the protocol repeats whatever matters."""
        if isinstance(output.message, ReplicationMessage):
            self._messenger.send(output.to, LOG_TOPIC, output.message)
        else:
            self._messenger.send(output.to, ELECTION_TOPIC, output.message)

    def _on_master(self, change: MasterIs) -> None:
        self.master_id = change.master_id
        logger.info("term %d: %s", change.epoch.term, change.master_id or "no master")
        self._plugins.observe(Observation(kind="master_changed", subject=change.master_id or ""))

    # the writer thread --------------------------------------------------------------------------------------

    def _in_writer(self, work: Callable[[], ResultT]) -> Awaitable[ResultT]:
        return asyncio.get_running_loop().run_in_executor(self._writer, work)

    def _present(self) -> Participant:
        if self._participant is None:
            message = "the control plane is not running"
            raise ExoError(message)
        return self._participant


def _applied_event(item: Applied, *, replayed: bool) -> AppliedEvent:
    return AppliedEvent(index=item.index, entry=item.entry, event=item.event, replayed=replayed)
