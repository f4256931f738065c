"""One node's part in the cluster's log, sans-IO: `handle(inputs, now)` says what is to be sent, answered and told.

It ties the election, the ledger and replication together and is all that a simulator needs. It calls its `EventLog`
directly, so when `handle` returns, everything that its outputs promise is on the disk.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Literal, final

from exo_core.clock import Rng
from exo_core.control_plane.commanding import Commanding
from exo_core.control_plane.extent import Extent
from exo_core.control_plane.following import Following
from exo_core.control_plane.giving_way import GivingWay
from exo_core.control_plane.inputs import (
    Commanded,
    Concluded,
    CutTo,
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
from exo_core.control_plane.leading import Leading
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
from exo_core.control_plane.offering import Offering
from exo_core.control_plane.own_facts import OwnFacts
from exo_core.control_plane.retention import Retention
from exo_core.control_plane.standing_of import standing_of
from exo_core.control_plane.trouble import Trouble
from exo_core.control_plane.waiting_answers import WaitingAnswers
from exo_core.control_plane.wholeness import Wholeness
from exo_core.election.election import Election
from exo_core.election.messages import Farewell, Fenced, Heartbeat
from exo_core.election.standing import ElectionAction, MasterChanged, Myself, Standing
from exo_core.errors import LogFull
from exo_core.event_logs import EventLog
from exo_core.identifiers import NodeId, Origin
from exo_core.state.events import Fact, FactId
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
        self._started_at = now
        self._retention = retention
        self._ledger = Ledger(log, replayed)
        if earlier is not None:
            self._ledger.spend(self._origin, earlier.ledger.spent(self._origin))
        self._trouble = Trouble(self._ledger, self._me)
        self.election = Election(myself, log, rng, now)
        self._following = Following(self._ledger)
        self._leading: Leading | None = None
        self._offering = Offering()
        self._waiting = WaitingAnswers()
        self._commanding = Commanding(self._ledger, self._waiting, self._origin, name)
        self._wholeness = Wholeness(self._ledger, self._trouble)
        self._reachable: frozenset[NodeId] = frozenset()
        self._giving_way = GivingWay()
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
        return self._leading.extent if self._leading is not None else self._following.extent

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
        return self._wholeness.is_fetching

    def standing(self) -> Standing:
        """This node as the election must see it."""
        return standing_of(
            me=self._me,
            ledger=self._ledger,
            extent=self.extent,
            reachable=self._reachable,
            founds=self._creator and self._ledger.length == 0,
            consistency=self._consistency,
            priority=self.priority,
            healthy=not self._trouble.forbids_to_lead and self._giving_way.to is None,
            leads=self._leading is not None,
        )

    def live(self, now: float) -> frozenset[NodeId]:
        """Members that are alive as far as this node knows, itself included."""
        return self.election.liveness.live(self.state.members, now) | {self._me}

    def is_calm(self, inputs: Iterable[Input]) -> bool:
        """Whether handling these will hardly write: nothing new, in a settled role, and nothing due.

        A driver may then spare itself a thread: a write that comes all the same (a new epoch) is a single small one.
        """
        settled_in = self.election.role in ("following", "leading") and self._trouble.description is None
        compacts = self.extent.settled - self._ledger.first_index() + 1 >= self._retention.snapshot_every
        return (
            settled_in
            and not (self._own_facts or compacts)
            and all(isinstance(item, Tick) or (isinstance(item, Received) and self._is_calm(item)) for item in inputs)
        )

    def _is_calm(self, item: Received) -> bool:
        """Whether a message brings nothing that must be written."""
        message = item.message
        if isinstance(message, Replicate):
            return not message.entries and message.length >= self._ledger.length
        if isinstance(message, Replicated):
            return self._ledger.is_recent(message.length)  # what that follower lacks is not read from the disk
        return isinstance(message, Heartbeat)

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
                yield from self._commanding.decide(item, self.election.master_id)
            case Concluded():
                self._commanding.conclude(item)
            case ReachableNow():
                for peer in self._reachable - item.peers:
                    self.election.closed(peer, now)
                self._reachable = item.peers
            case LossAccepted():
                if self.election.master_id is None:  # else its log is being restored
                    self._trouble.accept_loss()
            case Leaves():
                yield from self._elected(self.election.farewell(self.standing()))

    def _on_tick(self, now: float) -> Iterator[Output]:
        if self._trouble.may_retry(now):
            self._ledger.try_disk()
            self._trouble.writes_again()
        self._look_after_giving_way(now)
        yield from self._elected(self.election.tick(now, self.standing()))
        yield from self._wholeness.tick(
            self._providers(now), self.election.master_id, now, gives_way=self._giving_way.to is not None
        )

    def _on_message(self, sender: NodeId, message: Message, now: float) -> Iterator[Output]:
        if not isinstance(message, Farewell):
            self.election.liveness.heard(sender, now)  # a newcomer's first facts may come before its first heartbeat
        match message:
            case Replicate():
                yield from self._on_replicate(sender, message)
            case Replicated() | Mismatch() | OfferFacts():
                yield from self._on_follower(sender, message, now)
            case GapFound():
                self._on_gap(message)
            case BehindSnapshot():
                if message.epoch == self.election.epoch:
                    yield from self._on_behind(sender, message.index)
            case FetchSnapshot():
                yield from self._wholeness.serve(sender, message, self.extent)
            case SnapshotPart():
                yield from self._on_part(sender, message, now)
            case _:
                yield from self._elected(self.election.receive(sender, message, now, self.standing()))
                if isinstance(message, Heartbeat):
                    self._on_mark(sender, message, now)

    # following ----------------------------------------------------------------------------------------------

    def _on_replicate(self, sender: NodeId, frame: Replicate) -> Iterator[Output]:
        if frame.epoch < self.election.epoch:
            yield Outgoing(sender, Fenced(epoch=self.election.epoch, followers=0))
        if frame.epoch != self.election.epoch or self.election.master_id != sender or self._leading is not None:
            return
        if self._trouble.disk_is_full:
            return  # it comes again
        answer, cut_to, added = self._following.receive(frame)
        if cut_to is not None:
            self._waiting.cut(cut_to)
            yield CutTo(cut_to)
        yield from self._tell(added)
        if isinstance(answer, Replicated):
            self._giving_way.over()
            self._wholeness.follows()
        if answer is not None:
            yield Outgoing(sender, answer)

    def _on_mark(self, sender: NodeId, beat: Heartbeat, now: float) -> None:
        self._wholeness.hear(sender, beat)
        if beat.epoch != self.election.epoch:
            return
        if self._leading is not None and beat.follows:
            self._leading.on_mark(sender, beat.mark, now)
        elif beat.leads and sender == self.election.master_id:
            self._following.hear(beat.mark)

    def _on_gap(self, message: GapFound) -> None:
        if self._ledger.lost(FactId(origin=message.origin, seq=message.next_seq)):
            self._offering.lost(message.origin)
        else:
            self._offering.again()

    def _providers(self, now: float) -> Sequence[NodeId]:
        """Whom to ask for a snapshot: the master first. A newcomer's log does not say yet who is a member."""
        if self._giving_way.to is not None:
            return (self._giving_way.to,)
        master, known = self.election.master_id, self._reachable.union(self.state.members)
        live = self.election.liveness.live(known - {self._me}, now)
        return sorted(live, key=lambda peer: (peer != master, peer))

    def _on_part(self, sender: NodeId, part: SnapshotPart, now: float) -> Iterator[Output]:
        gives_way = self._giving_way.to is not None
        if self._leading is not None or (self.election.master_id is None and not gives_way):
            return  # whoever takes over a snapshot needs a master for what follows it
        asks, snapshot = self._wholeness.receive(sender, part, now)
        yield from asks
        if snapshot is None:
            return
        if self._ledger.would_forget(snapshot):
            yield from self._refuse_snapshot(sender)
            return
        foreign = self._ledger.chain_at(snapshot.index) != snapshot.chain
        self._ledger.install(snapshot)
        self._giving_way.over()
        self._wholeness.replaced()
        if foreign:
            self._following.extent = Extent(safe=snapshot.index, settled=snapshot.index)
            self._waiting.cut(0)
            self._waiting.covered(self._ledger.last_seqs.get(self._origin, 0), snapshot.index)
        yield Installed(snapshot.index, self.state)
        if self.election.master_id is not None:
            yield Outgoing(self.election.master_id, self._following.where(self.election.epoch))

    # whose history gives way --------------------------------------------------------------------------------

    def _on_behind(self, sender: NodeId, index: int) -> Iterator[Output]:
        """`sender` has a snapshot that this node should fetch."""
        if self._leading is not None:
            if self._giving_way.begin(sender):
                self._wholeness.fetch(0)
                yield from self._elected(self.election.step_down())
        elif sender == self.election.master_id and self._giving_way.has_refused(self.election.epoch):
            self._trouble.is_apart = True
            yield self._behind_ours(sender)
        elif sender == self.election.master_id:
            self._wholeness.fetch(index)

    def _refuse_snapshot(self, sender: NodeId) -> Iterator[Output]:
        """Its sender's history lacks what is only in a snapshot here."""
        if sender == self._giving_way.to:
            self._giving_way.apart(sender)
        elif sender == self.election.master_id and self._trouble.cure == "none needed":
            self._giving_way.refuse(self.election.epoch)
            yield self._behind_ours(sender)
        else:
            self._wholeness.refuse(sender)

    def _behind_ours(self, master_id: NodeId) -> Outgoing:
        return Outgoing(master_id, BehindSnapshot(epoch=self.election.epoch, index=self._ledger.first_index() - 1))

    def _look_after_giving_way(self, now: float) -> None:
        """Whom this node gave way to may be gone; what it sent may not have reached the disk."""
        to = self._giving_way.to
        if to is not None and self.election.liveness.is_live(to, now):
            self._wholeness.fetch(0)
        elif to is not None:
            self._giving_way.over()
            self._wholeness.give_up()

    # leading ------------------------------------------------------------------------------------------------

    def _on_follower(self, sender: NodeId, message: Replicated | Mismatch | OfferFacts, now: float) -> Iterator[Output]:
        leading = self._leading
        if leading is None:
            return
        if isinstance(message, OfferFacts):
            yield from self._commanding.take_offers(sender, message)
        elif message.epoch == leading.epoch and isinstance(message, Replicated):
            leading.on_replicated(sender, message, now)
        elif message.epoch == leading.epoch and isinstance(message, Mismatch):
            answer = leading.on_mismatch(sender, message, now)
            if answer is not None:
                yield Outgoing(sender, answer)

    # a change of master -------------------------------------------------------------------------------------

    def _elected(self, actions: Sequence[ElectionAction]) -> Iterator[Output]:
        for action in actions:
            if isinstance(action, MasterChanged):
                yield from self._tell(self._ledger.commit())  # what was staged in the old reign
                yield from self._on_master(action)
            else:
                yield Outgoing(action.to, action.message)

    def _on_master(self, change: MasterChanged) -> Iterator[Output]:
        extent = self.extent
        self._leading, self._trouble.is_apart = None, False
        self._commanding.close_reign()
        self._following.extent = extent
        yield from self._waiting.stepped_down(change.master_id)
        if change.master_id == self._me:
            self._leading = Leading(self._ledger, self._me, change.epoch, extent)
            self._wholeness.leads()
            self._commanding.open_reign(self._leading, self._consistency)
        yield MasterIs(change.master_id, change.epoch)

    # the end of a turn --------------------------------------------------------------------------------------

    def _end_turn(self, now: float, *, compact: bool) -> Iterator[Output]:
        if not self._trouble.disk_is_full:
            self._commanding.take_outbox()
            yield from self._tell(self._own_facts.save(self._leading.epoch if self._leading is not None else None))
        if self._leading is not None:
            yield from self._replicate(self._leading, now)
        elif self.election.master_id is not None:
            for message in self._offering.messages(self._ledger.outbox, self.election.master_id, now):
                yield Outgoing(self.election.master_id, message)
        yield from self._waiting.safe(self.extent.safe)
        if compact and not self._trouble.disk_is_full and self._trouble.description is None:
            self._ledger.compact(self.extent.settled, self.extent.everywhere, at_least=self._retention.snapshot_every)

    def _replicate(self, leading: Leading, now: float) -> Iterator[Output]:
        if self._ledger.damage is not None:
            self._ledger.mended()  # it leads: there is nobody to fetch from
        standing = self.standing()
        more_is_safe = leading.judge(standing.members, self.live(now), self._lately(now), standing.consistency)
        followers = self.election.followers(standing, now)
        for peer, frame in leading.frames(followers, now):
            yield Outgoing(peer, frame)
        if more_is_safe:
            for peer, frame in leading.announce(followers):
                yield Outgoing(peer, frame)

    def _lately(self, now: float) -> frozenset[NodeId]:
        """Members that hold back what is settled: heard lately, or this node has not been here for long itself."""
        absence = self._retention.recent_s
        silent = self.election.liveness.silent_for(self.state.members, absence, now, since=self._started_at)
        return frozenset(self.state.members) - silent | {self._me}

    def _tell(self, added: Sequence[Applied]) -> Iterator[Applied]:
        for item in added:
            event_id = item.entry.event_id
            if isinstance(event_id, FactId) and event_id.origin == self._origin:
                self._waiting.found(event_id.seq, item.index)
            yield item
