"""One node's part in the cluster's log, sans-IO: `handle(inputs, now)` says what is to be sent, answered and told.

It ties the election, the ledger and replication together and is all that a simulator needs. It calls its `EventLog`
directly, so when `handle` returns, everything that its outputs promise is on the disk.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Literal, final

from exo_core.clock import Rng
from exo_core.control_plane.following import Following
from exo_core.control_plane.inputs import (
    Commanded,
    Concluded,
    CutTo,
    Decided,
    Input,
    Leaves,
    MasterIs,
    Offered,
    Outgoing,
    Output,
    Place,
    ReachableNow,
    Received,
    Tick,
)
from exo_core.control_plane.leading import Leading
from exo_core.control_plane.ledger import Applied, Ledger
from exo_core.control_plane.messages import (
    GapFound,
    Message,
    Mismatch,
    NotMaster,
    OfferFacts,
    Replicate,
    Replicated,
    SnapshotPart,
)
from exo_core.control_plane.offering import Offering
from exo_core.control_plane.stamp import placement_id, stamp
from exo_core.control_plane.waiting_answers import WaitingAnswers
from exo_core.election.election import Election
from exo_core.election.messages import Farewell, Fenced, Heartbeat, LogMark
from exo_core.election.standing import ElectionAction, MasterChanged, Myself, Standing
from exo_core.event_logs import EventLog
from exo_core.identifiers import BootId, Epoch, NodeId, Origin
from exo_core.state.apply import reducer_fingerprint
from exo_core.state.commands import CommandAccepted, CommandRefused
from exo_core.state.decide import decide
from exo_core.state.events import ClusterCreated, FactId, InstancePlaced, NodeJoined
from exo_core.state.state import State

RECENT_S = 600.0
"""A member that was silent for longer does not hold back what is settled."""

FOUNDING_BOOT = BootId(0)
"""The origin of a cluster's first facts: they come before those that its founder has waiting in its outbox."""


@final
class Participant:
    """`creator`: it may found the cluster, that is, lead with an empty log. `replayed` is told what the log holds."""

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
    ) -> None:
        self._me = myself.node_id
        self._origin = Origin(node_id=myself.node_id, boot=myself.boot)
        self._name = name
        self._creator = creator
        self._consistency: Literal["availability", "majority"] = consistency
        self._ledger = Ledger(log, replayed)
        self.election = Election(myself, log, rng, now)
        self._following = Following(self._ledger)
        self._leading: Leading | None = None
        self._offering = Offering()
        self._waiting = WaitingAnswers()
        self._reachable: frozenset[NodeId] = frozenset()
        self._unsaved: list[Offered] = []
        self._reducers = reducer_fingerprint()
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
    def safe(self) -> int:
        """Entries up to here are on enough disks."""
        return self._leading.safe if self._leading is not None else self._following.safe

    @property
    def settled(self) -> int:
        """Entries up to here are on the disks of all members of late."""
        return self._leading.settled if self._leading is not None else self._following.settled

    def standing(self) -> Standing:
        """This node as the election must see it."""
        founds = self._creator and self._ledger.length == 0
        members = frozenset({self._me}) if founds else frozenset(self.state.members)
        return Standing(
            members=members,
            peers=(members | self._reachable) - {self._me} - frozenset(self.state.left),
            consistency=self.state.consistency if self.state.created else self._consistency,
            priority=self.priority,
            mark=LogMark(
                length=self._ledger.length,
                chain=self._ledger.chain,
                last_epoch=self._ledger.last_epoch,
                settled=self.settled,
                safe=self.safe,
            ),
            reducers=self._reducers,
            may_lead=self._me in members,
        )

    def live(self, now: float) -> frozenset[NodeId]:
        """Members that are alive as far as this node knows, itself included."""
        return self.election.liveness.live(self.state.members, now) | {self._me}

    # what happens -------------------------------------------------------------------------------------------

    def handle(self, inputs: Iterable[Input], now: float) -> list[Output]:
        """Take everything that happened at once: what is appended meanwhile goes to the disk in one write."""
        outputs: list[Output] = []
        for item in inputs:
            outputs.extend(self._take(item, now))
        outputs.extend(self._flush(now))
        return outputs

    def _take(self, item: Input, now: float) -> Iterator[Output]:
        match item:
            case Received():
                yield from self._on_message(item.sender, item.message, now)
            case Tick():
                yield from self._elected(self.election.tick(now, self.standing()))
            case Offered():
                self._unsaved.append(item)
            case Commanded():
                yield from self._on_commanded(item)
            case Concluded():
                self._on_concluded(item)
            case ReachableNow():
                for peer in self._reachable - item.peers:
                    self.election.closed(peer, now)
                self._reachable = item.peers
            case Leaves():
                yield from self._elected(self.election.farewell(self.standing()))

    def _on_message(self, sender: NodeId, message: Message, now: float) -> Iterator[Output]:
        if not isinstance(message, Farewell):
            self.election.liveness.heard(sender, now)  # a newcomer's first facts may come before its first heartbeat
        match message:
            case Replicate():
                yield from self._on_replicate(sender, message)
            case Replicated() if self._reigns(message.epoch):
                self._require_leading().on_replicated(sender, message, now)
            case Mismatch() if self._reigns(message.epoch):
                self._require_leading().on_mismatch(sender, message, now)
            case OfferFacts() if self._leading is not None:
                yield from self._on_offers(sender, message)
            case GapFound():
                self._offering.again()
            case Replicated() | Mismatch() | OfferFacts() | SnapshotPart():
                pass  # of a reign that is over, or not for this role; SnapshotPart: nobody sends it yet
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
        answer, cut_to, added = self._following.receive(frame)
        if cut_to is not None:
            self._waiting.cut(cut_to)
            yield CutTo(cut_to)
        yield from self._tell(added)
        if answer is not None:
            yield Outgoing(sender, answer)

    def _on_mark(self, sender: NodeId, beat: Heartbeat, now: float) -> None:
        if beat.epoch != self.election.epoch:
            return
        if self._leading is not None and beat.follows:
            self._leading.on_mark(sender, beat.mark, now)
        elif beat.leads and sender == self.election.master_id:
            self._following.hear(beat.mark)

    # leading ------------------------------------------------------------------------------------------------

    def _reigns(self, epoch: Epoch) -> bool:
        return self._leading is not None and self._leading.epoch == epoch

    def _require_leading(self) -> Leading:
        if self._leading is None:
            message = "a duty of the master was asked of a follower"
            raise ValueError(message)
        return self._leading

    def _on_offers(self, sender: NodeId, message: OfferFacts) -> Iterator[Output]:
        epoch = self._require_leading().epoch
        missing: set[Origin] = set()
        for offer in message.offers:
            origin = offer.event_id.origin
            if origin not in missing and not self._ledger.stage_offer(epoch, offer):
                missing.add(origin)
                yield Outgoing(sender, GapFound(origin=origin, next_seq=self._ledger.last_seqs.get(origin, 0) + 1))

    def _on_commanded(self, item: Commanded) -> Iterator[Output]:
        if self._leading is None:
            yield Decided(item.waiter, NotMaster(master_id=self.election.master_id))
            return
        decision = decide(self.state, item.command)
        if isinstance(decision, CommandRefused):
            yield Decided(item.waiter, decision)
            return
        for fact in decision.facts:
            self._ledger.stage_fact(self._leading.epoch, self._origin, fact)
        length = self._ledger.length
        answer = CommandAccepted(command_id=item.command.command_id, index=length, instance_id=decision.instance_id)
        self._waiting.commanded(item.waiter, length, answer)

    def _on_concluded(self, item: Concluded) -> None:
        leading = self._leading
        if leading is None or leading.epoch != item.epoch:
            return
        for fact in item.facts:
            self._ledger.stage_fact(leading.epoch, self._origin, fact)
        for conclusion in item.conclusions:
            leading.conclusions += 1
            event = conclusion
            if isinstance(event, Place):
                name = placement_id(leading.epoch, leading.conclusions)
                placed = stamp(event.placement, name, event.earlier)
                event = InstancePlaced(instance_id=event.instance_id, placement=placed)
            self._ledger.stage_derived(leading.epoch, leading.conclusions, event)

    # a change of master -------------------------------------------------------------------------------------

    def _elected(self, actions: Sequence[ElectionAction]) -> Iterator[Output]:
        for action in actions:
            if isinstance(action, MasterChanged):
                yield from self._tell(self._ledger.commit())  # what was staged in the old reign
                yield from self._on_master(action)
            else:
                yield Outgoing(action.to, action.message)

    def _on_master(self, change: MasterChanged) -> Iterator[Output]:
        safe, settled = self.safe, self.settled
        self._leading = None
        yield from self._waiting.stepped_down(change.master_id)
        if change.master_id == self._me:
            self._leading = Leading(self._ledger, self._me, change.epoch, safe, settled)
            self._open_reign(change.epoch)
        else:
            self._following.safe, self._following.settled = safe, settled
        yield MasterIs(change.master_id, change.epoch)

    def _open_reign(self, epoch: Epoch) -> None:
        """A new cluster is founded; else the log goes on, with this node's own outbox first."""
        if self._ledger.length == 0:
            founding = Origin(node_id=self._me, boot=FOUNDING_BOOT)
            self._ledger.stage_fact(epoch, founding, ClusterCreated(consistency=self._consistency))
            self._ledger.stage_fact(epoch, founding, NodeJoined(node_id=self._me, name=self._name))
        for offer in self._ledger.outbox:
            self._ledger.stage_offer(epoch, offer)

    # the end of a turn --------------------------------------------------------------------------------------

    def _save_offered(self) -> None:
        """Own facts go straight into the log here, or into the outbox, all of a turn in one write."""
        items, self._unsaved = self._unsaved, []
        if self._leading is not None:
            for item in items:
                self._ledger.stage_fact(self._leading.epoch, self._origin, item.fact)
                self._waiting.offered(self._ledger.last_seqs[self._origin], item.waiter)
        elif items:
            ids = self._ledger.put_in_outbox(self._origin, [item.fact for item in items])
            for item, event_id in zip(items, ids, strict=True):
                self._waiting.offered(event_id.seq, item.waiter)

    def _flush(self, now: float) -> Iterator[Output]:
        self._save_offered()
        yield from self._tell(self._ledger.commit())
        if self._leading is not None:
            yield from self._replicate(self._leading, now)
        elif self.election.master_id is not None:
            for message in self._offering.messages(self._ledger.outbox, self.election.master_id, now):
                yield Outgoing(self.election.master_id, message)
        yield from self._waiting.safe(self.safe)

    def _replicate(self, leading: Leading, now: float) -> Iterator[Output]:
        standing = self.standing()
        more_is_safe = leading.judge(standing.members, self.live(now), self._recent(now), standing.consistency)
        followers = self.election.followers(standing, now)
        for peer, frame in leading.frames(followers, now):
            yield Outgoing(peer, frame)
        if more_is_safe:
            for peer, frame in leading.announce(followers):
                yield Outgoing(peer, frame)

    def _recent(self, now: float) -> frozenset[NodeId]:
        silence = {node_id: self.election.liveness.silence(node_id, now) for node_id in self.state.members}
        return frozenset(
            node_id for node_id, seconds in silence.items() if node_id == self._me or (seconds or 0.0) < RECENT_S
        )

    def _tell(self, added: Sequence[Applied]) -> Iterator[Applied]:
        for item in added:
            event_id = item.entry.event_id
            if isinstance(event_id, FactId) and event_id.origin == self._origin:
                self._waiting.found(event_id.seq, item.index)
            yield item
