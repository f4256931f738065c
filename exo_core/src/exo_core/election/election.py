"""The bully election, as a table of roles.

| role      | what happens                                              | then                                        |
|-----------|-----------------------------------------------------------|---------------------------------------------|
| seeking   | a master's heartbeat at or above our epoch                | follow it                                   |
| seeking   | its candidacy's turn has come                             | ask all members (pre-vote): asking          |
| asking    | the candidacy won (`candidacy` has the rules)             | lead                                        |
| asking    | majority: it may be voted for                             | durable epoch, real votes: voting           |
| voting    | the candidacy won                                         | lead                                        |
| asking    | it must wait                                              | seeking, later again                        |
| following | its master is silent, gone, yields, or is no member      | seeking (or following the other)            |
| following | another master is heard, its own still lives              | stays (sticky), tells its master: `Rival`   |
| leading   | a former member leads others                              | goes on; that one stops when it is told     |
| leading   | another master is met, larger by (followers, epoch)       | yield to it, or wait for its higher epoch   |
| leading   | another master is met, smaller                            | availability: outbid it with term max + 1   |
| leading   | majority: a master of a higher epoch is met               | yield to it: a majority gave it its word    |
| leading   | majority: it hears no majority any more                   | seeking                                     |
| leading   | it may not lead any more (left; disk, log or state fail)  | seeking, said at once                       |
| any       | a master's heartbeat below the durable epoch              | answer `Fenced`                             |

The rules behind it. A term is the highest ever seen plus one, and durable before it is used. A node's epoch never goes
back. A candidate that joins with a higher rank never unseats a healthy master. In `majority` a real vote is a durable
promise: nothing below that epoch is accepted afterwards, and only a candidate whose log is not behind gets it.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal, final

from exo_core.clock import Rng
from exo_core.election.addressees import addressees
from exo_core.election.ballots import refusal
from exo_core.election.candidacy import Candidacy, Outcome, Phase
from exo_core.election.liveness import SILENCE_S, Liveness
from exo_core.election.messages import (
    Abdication,
    Ballot,
    BallotAnswer,
    ElectionMessage,
    Farewell,
    Fenced,
    Heartbeat,
    Rival,
)
from exo_core.election.roster import Roster
from exo_core.election.standing import ElectionAction, EpochStore, MasterChanged, Myself, Send, Standing
from exo_core.identifiers import Epoch, NodeId

HEARTBEAT_S = 0.25
TICK_S = 0.05
CALM_TICK_S = 0.125
"""While there is a master: heartbeats are due every second tick."""

Role = Literal["seeking", "asking", "voting", "following", "leading"]


@final
class Election:
    """One node's part in it. `receive`, `tick` and the others return what to do, in order."""

    def __init__(self, myself: Myself, store: EpochStore, rng: Rng, now: float) -> None:
        self._me = myself.node_id
        self._boot = myself.boot
        self._store = store
        self._rng = rng
        self._roster = Roster(self._me, now)
        self.role: Role = "seeking"
        self.master_id: NodeId | None = None
        self._highest = store.epoch
        self._candidacy = Candidacy(self._me, self._roster, rng, fresh_until=now + SILENCE_S)
        self._next_heartbeat = now
        self._master_followers = 0

    @property
    def epoch(self) -> Epoch:
        """The epoch this node lives in: durable, never lower than before."""
        return self._store.epoch

    @property
    def liveness(self) -> Liveness:
        """Who is alive, as far as this node knows."""
        return self._roster.liveness

    @property
    def tick_s(self) -> float:
        """When to call `tick` again, in seconds."""
        return CALM_TICK_S if self.role in ("following", "leading") else TICK_S

    @property
    def leads(self) -> bool:
        """Whether this node is the master."""
        return self.role == "leading"

    def followers(self, standing: Standing, now: float) -> frozenset[NodeId]:
        """Live peers whose last heartbeat was of our epoch."""
        return self._roster.followers(standing.peers, self.epoch, now)

    # what happens -----------------------------------------------------------------------------------------

    def receive(self, sender: NodeId, message: ElectionMessage, now: float, standing: Standing) -> list[ElectionAction]:
        """A message arrived."""
        if not isinstance(message, Farewell):
            self.liveness.heard(sender, now)
        match message:
            case Heartbeat():
                return list(self._on_heartbeat(sender, message, now, standing))
            case Ballot():
                return list(self._on_ballot(sender, message, now, standing))
            case BallotAnswer():
                return list(self._on_answer(sender, message, now, standing))
            case Fenced() | Rival():
                self._see(message.epoch)
                return list(self._meet(message.epoch, message.followers, now, standing)) if self.leads else []
            case Abdication():
                return list(self._on_abdication(sender, message))
            case Farewell():
                return list(self._on_farewell(sender))

    def closed(self, peer: NodeId, now: float) -> None:
        """The last way to a peer broke: it is dead soon unless it is heard again."""
        self.liveness.closed(peer, now)

    def tick(self, now: float, standing: Standing) -> list[ElectionAction]:
        """Time passed; to be called again after `tick_s`."""
        self.liveness.tick(now, TICK_S)
        actions = [*self._watch_master(now, standing), *self._move(now, standing)]
        if now >= self._next_heartbeat - TICK_S / 2:  # ticks are never quite on time
            self._next_heartbeat = now + HEARTBEAT_S
            actions.extend(self._heartbeats(now, standing))
        return actions

    def step_down(self) -> list[ElectionAction]:
        """This node cannot lead any more: its disk refuses what a master must write."""
        self._next_heartbeat = float("-inf")
        return list(self._seek()) if self.leads else []

    def farewell(self, standing: Standing) -> list[ElectionAction]:
        """This node stops."""
        return [Send(peer, Farewell(boot=self._boot)) for peer in sorted(standing.peers)]

    # hearing of masters -----------------------------------------------------------------------------------

    def _on_heartbeat(
        self, sender: NodeId, beat: Heartbeat, now: float, standing: Standing
    ) -> Iterator[ElectionAction]:
        self._roster.take(sender, beat, now)
        self._see(beat.epoch)
        if not beat.leads:
            if sender == self.master_id and beat.epoch >= self.epoch:
                yield from self._seek()  # it restarted, or stepped down
        elif self.leads:
            yield from self._meet(beat.epoch, beat.followers, now, standing)
        elif beat.epoch < self.epoch:
            count = self._master_followers if self.role == "following" else 0
            yield Send(sender, Fenced(epoch=self.epoch, followers=count))
        elif self.role == "following" and self.master_id != sender and self._master_lives(now):
            yield Send(_known(self.master_id), Rival(epoch=beat.epoch, followers=beat.followers))
        else:
            self._master_followers = beat.followers
            yield from self._follow(beat.epoch)

    def _meet(self, epoch: Epoch, followers: int, now: float, standing: Standing) -> Iterator[ElectionAction]:
        """Two masters: the larger by (live count, epoch) goes on.

        With a former member there is no measuring: it stops once it is told that it was struck off. Whoever yielded to
        it could not follow it, would lead again with a higher term, and so on.
        """
        if epoch == self.epoch or (followers and epoch.master_id in standing.left):
            return
        mine = len(self.followers(standing, now)) + 1
        outvoted = standing.consistency == "majority" and epoch > self.epoch  # that epoch has a majority's word
        if not outvoted and (mine, self.epoch) > (followers, epoch):
            if epoch > self.epoch:
                yield from self._lead(now, standing)
            else:
                yield from self._heartbeats(now, standing)  # so that the other learns of us
        elif epoch > self.epoch:
            yield from self._abdicate(epoch, standing)

    def _abdicate(self, in_favour: Epoch, standing: Standing) -> Iterator[ElectionAction]:
        for peer in sorted(standing.peers):
            yield Send(peer, Abdication(epoch=self.epoch, in_favour=in_favour))
        yield from self._follow(in_favour)

    def _on_abdication(self, sender: NodeId, message: Abdication) -> Iterator[ElectionAction]:
        self._see(message.in_favour)
        if sender != self.master_id or self.leads:
            return
        if message.in_favour >= self.epoch and message.in_favour.master_id != self._me:
            yield from self._follow(message.in_favour)
        else:
            yield from self._seek()

    def _on_farewell(self, sender: NodeId) -> Iterator[ElectionAction]:
        self._roster.gone(sender)
        if sender == self.master_id:
            yield from self._seek()

    def _follow(self, epoch: Epoch) -> Iterator[ElectionAction]:
        changed = self.role != "following" or self.master_id != epoch.master_id or self.epoch != epoch
        self._raise_epoch(epoch)
        self.role, self.master_id = "following", epoch.master_id
        self._candidacy.end()
        if changed:
            self._candidacy.settled()
            self._next_heartbeat = float("-inf")  # the master replicates to those that say they follow it
            yield MasterChanged(self.master_id, epoch)

    # losing one -------------------------------------------------------------------------------------------

    def _watch_master(self, now: float, standing: Standing) -> Iterator[ElectionAction]:
        left = self.master_id not in standing.peers  # it may live on, and others who do not know it yet tell us so
        if self.role == "following" and (left or not self._master_lives(now)):
            yield from self._seek()
        elif self.leads and not standing.may_lead:
            yield from self._seek()
            self._next_heartbeat = now
        elif self.leads and standing.consistency == "majority":
            live = self.liveness.live(standing.members, now) | {self._me}
            if 2 * len(live & standing.members) <= len(standing.members):
                yield from self._seek()

    def _master_lives(self, now: float) -> bool:
        return self.master_id is not None and self.liveness.is_live(self.master_id, now)

    def _seek(self) -> Iterator[ElectionAction]:
        self.role, self.master_id = "seeking", None
        self._candidacy.end()
        yield MasterChanged(None, self.epoch)

    # becoming one -----------------------------------------------------------------------------------------

    def _move(self, now: float, standing: Standing) -> Iterator[ElectionAction]:
        if self.role == "seeking" and standing.may_lead and self._candidacy.is_due(now, standing):
            yield from self._ask("pre", now, standing)
        else:
            yield from self._decide(self._candidacy.timed_out(now, standing), now, standing)

    def _ask(self, phase: Phase, now: float, standing: Standing) -> Iterator[ElectionAction]:
        proposed = Epoch(term=max(self._highest.term, self.epoch.term) + 1, master_id=self._me)
        if phase == "real":
            self._raise_epoch(proposed)  # the vote for oneself, durable before anybody is asked
        self.role = "asking" if phase == "pre" else "voting"
        self._candidacy.begin(phase, proposed, now)
        ballot = Ballot(phase=phase, epoch=proposed, priority=standing.priority, mark=standing.mark)
        for peer in sorted(standing.peers):
            yield Send(peer, ballot)
        yield from self._decide(self._candidacy.counted(now, standing), now, standing)

    def _on_answer(
        self, sender: NodeId, answer: BallotAnswer, now: float, standing: Standing
    ) -> Iterator[ElectionAction]:
        self._see(answer.highest)
        yield from self._decide(self._candidacy.answered(sender, answer, now, standing), now, standing)

    def _decide(self, outcome: Outcome | None, now: float, standing: Standing) -> Iterator[ElectionAction]:
        """What a round came to; nothing, if this node may not lead any more (its disk filled up meanwhile)."""
        if outcome is not None and not standing.may_lead:
            self._try_later(now)
        elif outcome == "won":
            yield from self._lead(now, standing)
        elif outcome == "vote":
            yield from self._ask("real", now, standing)
        elif outcome == "later":
            self._try_later(now)

    def _try_later(self, now: float) -> None:
        self.role = "seeking"
        self._candidacy.postpone(now)

    def _lead(self, now: float, standing: Standing) -> Iterator[ElectionAction]:
        """Take the office: a term above every one seen (or the one that was voted), durable, then said aloud."""
        next_term = max(self._highest.term, self.epoch.term) + 1
        epoch = self._candidacy.voted_epoch or Epoch(term=next_term, master_id=self._me)
        self._raise_epoch(epoch)
        self.role, self.master_id = "leading", self._me
        self._candidacy.end()
        yield MasterChanged(self._me, epoch)
        self._next_heartbeat = now + HEARTBEAT_S
        yield from self._heartbeats(now, standing)

    # voting for others ------------------------------------------------------------------------------------

    def _on_ballot(self, sender: NodeId, ballot: Ballot, now: float, standing: Standing) -> Iterator[ElectionAction]:
        reason = self._why_not(sender, ballot, now, standing)
        if not reason:
            if ballot.phase == "real":
                self._raise_epoch(ballot.epoch)
            if self.role in ("seeking", "asking", "voting"):
                self._try_later(now)  # give the candidate room; a round of our own is over
        yield Send(
            sender,
            BallotAnswer(
                phase=ballot.phase,
                epoch=ballot.epoch,
                granted=not reason,
                highest=max(self._highest, self.epoch),
                reason=reason,
            ),
        )

    def _why_not(self, sender: NodeId, ballot: Ballot, now: float, standing: Standing) -> str:
        """Why this candidate does not get our word; empty: it does."""
        if self.leads:
            return "I lead"
        if self.role == "following" and self.master_id != sender and self._master_lives(now):
            return f"I still hear {self.master_id}"
        return refusal(ballot, sender, standing, self.epoch, self._me if self._candidacy.phase is not None else None)

    # the rest ---------------------------------------------------------------------------------------------

    def _heartbeats(self, now: float, standing: Standing) -> Iterator[Send]:
        beat = Heartbeat(
            boot=self._boot,
            epoch=self.epoch,
            leads=self.leads,
            follows=self.role == "following",
            followers=len(self.followers(standing, now)) + 1 if self.leads else 0,
            priority=standing.priority,
            mark=standing.mark,
            reducers=standing.reducers,
            heard=self.liveness.report(now),
        )
        for peer in addressees(standing.peers, self.master_id, self._me, self._rng):
            yield Send(peer, beat)

    def _see(self, epoch: Epoch) -> None:
        self._highest = max(self._highest, epoch)

    def _raise_epoch(self, epoch: Epoch) -> None:
        if epoch > self.epoch:
            self._store.set_epoch(epoch)
        self._see(epoch)


def _known(node_id: NodeId | None) -> NodeId:
    """A follower always has a master."""
    if node_id is None:
        message = "a node that follows nobody was taken for a follower"
        raise ValueError(message)
    return node_id
