"""One node's part in the cluster's log, sans-IO: `handle(inputs, now)` says what is to be sent, answered and told.

It ties the election, the ledger and replication together and is all that a simulator needs. It calls its `EventLog`
directly, so when `handle` returns, everything that its outputs promise is on the disk.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Literal, final

from exo_core.clock import Rng
from exo_core.control_plane.extent import Extent
from exo_core.control_plane.following import Following
from exo_core.control_plane.inputs import (
    Commanded,
    Concluded,
    Input,
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
from exo_core.control_plane.ledger import Applied, Ledger
from exo_core.control_plane.messages import (
    BehindSnapshot,
    FetchSnapshot,
    GapFound,
    Message,
    Mismatch,
    OfferFacts,
    Replicate,
    Replicated,
    SnapshotPart,
)
from exo_core.control_plane.obeying import Obeying
from exo_core.control_plane.own_facts import OwnFacts
from exo_core.control_plane.reigning import Reigning
from exo_core.control_plane.retention import Retention
from exo_core.control_plane.standing_of import standing_of
from exo_core.control_plane.taking_over import TakingOver
from exo_core.control_plane.trouble import Trouble
from exo_core.control_plane.waiting_answers import WaitingAnswers
from exo_core.election.election import Election
from exo_core.election.messages import Farewell, Heartbeat
from exo_core.election.standing import ElectionAction, MasterChanged, Myself, Standing
from exo_core.errors import LogFull
from exo_core.event_logs import EventLog
from exo_core.identifiers import NodeId, Origin
from exo_core.state.events import Fact
from exo_core.state.state import State


@final
class Participant:
    """`creator`: it may found the cluster, that is, lead with an empty log. `replayed` is told what the log holds.

    `earlier` had the same log in this boot, before a row of it turned out bad: numbers that it gave to facts, and which
    the log may have lost, are not given again.
    """

    def __init__(
        self,
        *,
        myself: Myself,
        name: str,
        log: EventLog,
        rng: Rng,
        now: float,
        creator: bool,
        consistency: Literal["availability", "majority"] = "availability",
        replayed: Callable[[Applied], None] | None = None,
        retention: Retention = Retention(),  # noqa: B008 - frozen
        earlier: Participant | None = None,
    ) -> None:
        self._me = myself.node_id
        self._origin = Origin(node_id=myself.node_id, boot=myself.boot)
        self._creator = creator
        self._consistency: Literal["availability", "majority"] = consistency
        self._retention = retention
        self._ledger = Ledger(log, replayed)
        if earlier is not None:
            self._ledger.spend(self._origin, earlier.ledger.spent(self._origin))
        self._trouble = Trouble(self._ledger, self._me)
        self.election = Election(myself, log, rng, now)
        self._following = Following(self._ledger)
        self._waiting = WaitingAnswers(self._origin)
        self._reigning = Reigning(
            ledger=self._ledger,
            election=self.election,
            waiting=self._waiting,
            origin=self._origin,
            name=name,
            consistency=consistency,
            recent_s=retention.recent_s,
            started_at=now,
        )
        self._taking_over = TakingOver(
            ledger=self._ledger,
            trouble=self._trouble,
            election=self.election,
            following=self._following,
            waiting=self._waiting,
            origin=self._origin,
            part_bytes=retention.snapshot_part_bytes,
        )
        self._obeying = Obeying(
            ledger=self._ledger,
            trouble=self._trouble,
            election=self.election,
            following=self._following,
            waiting=self._waiting,
            taking_over=self._taking_over,
        )
        self._reachable: frozenset[NodeId] = frozenset()
        self._own_facts = OwnFacts(self._ledger, self._waiting, self._origin)
        self.priority = 0

    # what can be read ---------------------------------------------------------------------------------------

    @property
    def ledger(self) -> Ledger:
        """The log and its sum."""
        return self._ledger

    @property
    def state(self) -> State:
        """What this node knows."""
        return self._ledger.state

    @property
    def extent(self) -> Extent:
        """How far the log is safe, settled and everywhere, as far as this node knows."""
        return self._reigning.extent or self._following.extent

    @property
    def trouble(self) -> str | None:
        """Why this node does not lead although it might, in a sentence for people; None: nothing is wrong."""
        return self._trouble.description

    @property
    def unsaved(self) -> tuple[Fact, ...]:
        """Facts of this node that are on no disk yet: it is full."""
        return self._own_facts.unsaved

    @property
    def is_installing(self) -> bool:
        """Whether a snapshot is on its way to replace what this node knows."""
        return self._taking_over.is_fetching

    def standing(self) -> Standing:
        """This node as the election must see it."""
        return standing_of(
            me=self._me,
            ledger=self._ledger,
            extent=self.extent,
            reachable=self._reachable,
            founds=(self._creator or self._trouble.founds_anew) and self._ledger.length == 0,
            consistency=self._consistency,
            priority=self.priority,
            healthy=not self._trouble.forbids_to_lead and not self._taking_over.gives_way,
            leads=self._reigning.epoch is not None,
        )

    def live(self, now: float) -> frozenset[NodeId]:
        """Members that are alive as far as this node knows, itself included."""
        return self.election.liveness.live(self.state.members, now) | {self._me}

    @property
    def may_compact(self) -> bool:
        """Whether enough entries are settled to be replaced by a snapshot."""
        return self.extent.settled - self._ledger.first_index() + 1 >= self._retention.snapshot_every

    # what happens -------------------------------------------------------------------------------------------

    def handle(self, inputs: Iterable[Input], now: float, *, calm: bool = False) -> list[Output]:
        """Take everything that happened at once: what is appended meanwhile goes to the disk in one write.

        `calm`: the caller must not wait long, so old entries are compacted in a later turn.

        Raises `LogCorrupt` when a row of the log turns out bad: the log is to be opened again, which mends it.
        """
        outputs: list[Output] = []
        had_master = self.election.master_id is not None
        for item in inputs:
            outputs.extend(self._while_disk_takes(self._take(item, now), now))
        if had_master and self.election.master_id is None:  # do not wait for a tick to look for another
            outputs.extend(self._while_disk_takes(self._on_tick(now), now))
        outputs.extend(self._while_disk_takes(self._end_turn(now, compact=not calm), now))
        return outputs

    def _while_disk_takes(self, steps: Iterator[Output], now: float) -> Iterator[Output]:
        """A write that is refused ends these steps, and this node's reign; what was promised before stands."""
        try:
            yield from steps
        except LogFull as refusal:
            self._trouble.refused(str(refusal), now)
            self._ledger.discard()
            self.election.step_down()
            yield from self._on_master(MasterChanged(self.election.master_id, self.election.epoch))

    def _take(self, item: Input, now: float) -> Iterator[Output]:
        match item:
            case Received():
                yield from self._on_message(item.sender, item.message, now)
            case Tick():
                yield from self._on_tick(now)
            case Offered():
                self._own_facts.add(item)
            case Commanded():
                yield from self._reigning.decide(item)
            case Concluded():
                self._reigning.conclude(item)
            case ReachableNow():
                for peer in self._reachable - item.peers:
                    self.election.closed(peer, now)
                self._reachable = item.peers
            case LossAccepted():
                if self.election.master_id is None:  # else its log is being restored
                    self._trouble.accept_loss(item.damage)
            case Leaves():
                yield from self._elected(self.election.farewell(self.standing()))

    def _on_tick(self, now: float) -> Iterator[Output]:
        if self._trouble.may_retry(now):
            self._ledger.try_disk()
            self._trouble.writes_again()
        self._taking_over.look_after_giving_way(now)
        yield from self._elected(self.election.tick(now, self.standing()))
        yield from self._taking_over.tick(self._reachable, now)

    def _on_message(self, sender: NodeId, message: Message, now: float) -> Iterator[Output]:
        if not isinstance(message, Farewell):
            self.election.liveness.heard(sender, now)  # a newcomer's first facts may come before its first heartbeat
        match message:
            case Replicate():
                yield from self._obeying.on_replicate(sender, message)
            case Replicated() | Mismatch() | OfferFacts():
                yield from self._reigning.on_follower(sender, message, now)
            case GapFound():
                self._obeying.on_gap(message)
            case BehindSnapshot():
                if message.epoch == self.election.epoch:
                    yield from self._on_behind(sender, message.index)
            case FetchSnapshot():
                yield from self._taking_over.serve(sender, message, self.extent)
            case SnapshotPart():
                yield from self._taking_over.receive(sender, message, now)
            case _:
                yield from self._elected(self.election.receive(sender, message, now, self.standing()))
                if isinstance(message, Heartbeat):
                    self._on_heartbeat(sender, message, now)

    def _on_heartbeat(self, sender: NodeId, beat: Heartbeat, now: float) -> None:
        self._taking_over.hear(sender, beat)
        if beat.epoch == self.election.epoch:
            self._reigning.on_heartbeat(sender, beat, now)
            self._obeying.on_heartbeat(sender, beat)

    def _on_behind(self, sender: NodeId, index: int) -> Iterator[Output]:
        """`sender` has a snapshot that this node should fetch."""
        if self._reigning.epoch is None:
            yield from self._taking_over.told_behind(sender, index)
        elif self._taking_over.give_way(sender):
            yield from self._elected(self.election.step_down())

    # a change of master -------------------------------------------------------------------------------------

    def _elected(self, actions: Sequence[ElectionAction]) -> Iterator[Output]:
        for action in actions:
            if isinstance(action, MasterChanged):
                yield from self._waiting.tell(self._ledger.commit())  # what was staged in the old reign
                yield from self._on_master(action)
            else:
                yield Outgoing(action.to, action.message)

    def _on_master(self, change: MasterChanged) -> Iterator[Output]:
        extent = self.extent
        self._reigning.end()
        self._trouble.is_apart = False
        self._following.extent = extent
        yield from self._waiting.stepped_down(change.master_id)
        if change.master_id == self._me:
            self._taking_over.leads()
            self._reigning.begin(change.epoch, extent)
        yield MasterIs(change.master_id, change.epoch)

    # the end of a turn --------------------------------------------------------------------------------------

    def _end_turn(self, now: float, *, compact: bool) -> Iterator[Output]:
        if not self._trouble.disk_is_full:
            self._reigning.take_outbox()
            yield from self._waiting.tell(self._own_facts.save(self._reigning.epoch))
        if self._reigning.epoch is not None:
            yield from self._reigning.replicate(self.standing(), self.live(now), now)
        else:
            yield from self._obeying.offer(now)
        yield from self._waiting.safe(self.extent.safe)
        if compact and not self._trouble.disk_is_full and self._trouble.description is None:
            self._ledger.compact(self.extent.settled, self.extent.everywhere, at_least=self._retention.snapshot_every)
