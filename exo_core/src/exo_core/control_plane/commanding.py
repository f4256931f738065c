"""What a master appends: facts that are offered, facts that a command becomes, and what it concludes itself.

In `majority` who is a member decides what a majority is. So there a second change of members waits until the first is
safe (two majorities that need not meet would end the promise that committed order is final; Ongaro's dissertation on
Raft, 4.1), and a new master changes none until an entry of its own reign is safe: an earlier master's change that it
never saw might still come to count (Ongaro's correction, raft-dev, July 2015). Whoever is no member yet is not listened
to.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal, final

from exo_core.control_plane.inputs import Commanded, Concluded, Decided, Outgoing, Place
from exo_core.control_plane.leading import Leading
from exo_core.control_plane.ledger import Ledger
from exo_core.control_plane.messages import GapFound, NotMaster, OfferFacts
from exo_core.control_plane.stamp import placement_id, stamp
from exo_core.control_plane.waiting_answers import WaitingAnswers
from exo_core.identifiers import BootId, NodeId, Origin
from exo_core.log.payloads import decode_event
from exo_core.state.commands import CommandAccepted, CommandRefused, ForgetNode
from exo_core.state.decide import decide
from exo_core.state.events import (
    ClusterCreated,
    InstancePlaced,
    NodeJoined,
    NodeLeft,
    NodeStarted,
    Offer,
    ReignBegan,
)

FOUNDING_BOOT = BootId(0)
"""The origin of a cluster's first facts: they come before those that its founder has waiting in its outbox."""


@final
class Commanding:
    """Stages entries; the end of the turn commits them."""

    def __init__(self, ledger: Ledger, waiting: WaitingAnswers, origin: Origin, name: str) -> None:
        self._ledger = ledger
        self._waiting = waiting
        self._origin = origin
        self._name = name
        self._leading: Leading | None = None
        self._reign_began_at = 0

    def close_reign(self) -> None:
        """This node does not lead, or no more."""
        self._leading = None

    def open_reign(self, leading: Leading, consistency: Literal["availability", "majority"]) -> None:
        """A new cluster is founded; else the log goes on, with this node's own outbox first."""
        self._leading, epoch, self._reign_began_at = leading, leading.epoch, self._ledger.length + 1
        me, founding = self._origin.node_id, Origin(node_id=self._origin.node_id, boot=FOUNDING_BOOT)
        saved = any(offer.event_id.origin == founding for offer in self._ledger.outbox)  # from a damaged log
        if self._ledger.length == 0 and not saved:
            self._ledger.stage_fact(epoch, founding, ClusterCreated(consistency=consistency))
            self._ledger.stage_fact(epoch, founding, NodeJoined(node_id=me, name=self._name))
        self.take_outbox()
        if not self._ledger.state.created:  # the very first fact was not saved
            self._ledger.stage_fact(epoch, self._origin, ClusterCreated(consistency=consistency))
        if self._ledger.state.consistency == "majority":
            self._ledger.stage_derived(epoch, 0, ReignBegan(master_id=me))
        self._reign_began_at = self._ledger.length

    def take_outbox(self) -> None:
        """A master appends what it was to offer itself. Nobody else brings what is missing before it."""
        if self._leading is None:
            return
        later: set[Origin] = set()
        for offer in self._ledger.outbox:
            origin = offer.event_id.origin
            if origin not in later and self._may_take(offer):
                self._ledger.stage_offer(self._leading.epoch, offer, past_gap=True)
            else:
                later.add(origin)  # a change of members waits, and what comes after it does not overtake it

    def take_offers(self, sender: NodeId, message: OfferFacts) -> Iterator[Outgoing]:
        """Append the facts that a follower offers, in order for each origin."""
        if self._leading is None or (self._is_majority and sender not in self._ledger.state.members):
            return  # it offers them again, to whoever leads, once it is a member
        missing: set[Origin] = set()
        for offer in message.offers:
            origin = offer.event_id.origin
            if origin in missing:
                continue
            if not self._may_take(offer):
                missing.add(origin)  # it comes again
            elif not self._ledger.stage_offer(self._leading.epoch, offer, past_gap=origin in message.past_gaps):
                missing.add(origin)
                yield Outgoing(sender, GapFound(origin=origin, next_seq=self._ledger.last_seqs.get(origin, 0) + 1))

    def decide(self, item: Commanded, master_id: NodeId | None) -> Iterator[Decided]:
        """A command becomes facts, and is answered once they are safe; or it is refused."""
        leading = self._leading
        must_wait = isinstance(item.command, ForgetNode) and not self._may_change_members
        if leading is None or must_wait or self._ledger.awaits_turn(self._origin):
            yield Decided(item.waiter, NotMaster(master_id=master_id))  # ask again in a moment
            return
        decision = decide(self._ledger.state, item.command)
        if isinstance(decision, CommandRefused):
            yield Decided(item.waiter, decision)
            return
        for fact in decision.facts:
            self._ledger.stage_fact(leading.epoch, self._origin, fact)
        length = self._ledger.length
        answer = CommandAccepted(command_id=item.command.command_id, index=length, instance_id=decision.instance_id)
        self._waiting.commanded(item.waiter, length, answer)

    def conclude(self, item: Concluded) -> None:
        """Record what this node, as the master of that epoch, makes of what it sees; dropped when it leads no more."""
        leading = self._leading
        if leading is None or leading.epoch != item.epoch:
            return
        for fact in item.facts if not self._ledger.awaits_turn(self._origin) else ():
            if not isinstance(fact, NodeJoined) or self._may_change_members:
                self._ledger.stage_fact(leading.epoch, self._origin, fact)
        for conclusion in item.conclusions:
            leading.conclusions += 1
            event = conclusion
            if isinstance(event, Place):
                name = placement_id(leading.epoch, leading.conclusions)
                placed = stamp(event.placement, name, event.earlier)
                event = InstancePlaced(instance_id=event.instance_id, placement=placed)
            self._ledger.stage_derived(leading.epoch, leading.conclusions, event)

    @property
    def _is_majority(self) -> bool:
        return self._ledger.state.consistency == "majority"

    @property
    def _may_change_members(self) -> bool:
        if not self._is_majority or self._leading is None:
            return True
        return self._leading.extent.safe >= max(self._ledger.members_changed_at, self._reign_began_at)

    def _may_take(self, offer: Offer) -> bool:
        """Whether this fact may be appended now: it changes no membership, or the last such change is safe."""
        if self._may_change_members:
            return True
        event = decode_event(offer.payload)
        if isinstance(event, NodeStarted):
            return event.node_id in self._ledger.state.members
        return not isinstance(event, NodeJoined | NodeLeft)
