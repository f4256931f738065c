"""What does a node do while it leads? It takes what is offered and commanded, and brings its log to the followers.

Of one reign `Leading` knows how far the followers are, `Commanding` what may be appended. Between reigns there is
nothing to do.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal, final

from exo_core.control_plane.commanding import Commanding
from exo_core.control_plane.extent import Extent
from exo_core.control_plane.inputs import Commanded, Concluded, Decided, Outgoing
from exo_core.control_plane.leading import Leading
from exo_core.control_plane.ledger import Ledger
from exo_core.control_plane.messages import Mismatch, OfferFacts, Replicated
from exo_core.control_plane.waiting_answers import WaitingAnswers
from exo_core.election.election import Election
from exo_core.election.messages import Heartbeat
from exo_core.election.standing import Standing
from exo_core.identifiers import Epoch, NodeId, Origin


@final
class Reigning:
    """One node's. What was not heard for `recent_s` does not hold back what is settled; it began at `started_at`."""

    def __init__(
        self,
        *,
        ledger: Ledger,
        election: Election,
        waiting: WaitingAnswers,
        origin: Origin,
        name: str,
        consistency: Literal["availability", "majority"],
        recent_s: float,
        started_at: float,
    ) -> None:
        self._ledger = ledger
        self._election = election
        self._me = origin.node_id
        self._consistency: Literal["availability", "majority"] = consistency
        self._recent_s = recent_s
        self._started_at = started_at
        self._commanding = Commanding(ledger, waiting, origin, name)
        self._leading: Leading | None = None

    @property
    def epoch(self) -> Epoch | None:
        """The present reign's; None: this node does not lead."""
        return self._leading.epoch if self._leading is not None else None

    @property
    def extent(self) -> Extent | None:
        """How far the log has come in the present reign."""
        return self._leading.extent if self._leading is not None else None

    def begin(self, epoch: Epoch, extent: Extent) -> None:
        """This node leads; so far the log had come before."""
        self._leading = Leading(self._ledger, self._me, epoch, extent)
        self._commanding.open_reign(self._leading, self._consistency)

    def end(self) -> None:
        """This node does not lead, or no more."""
        self._leading = None
        self._commanding.close_reign()

    # what is brought to a master ----------------------------------------------------------------------------

    def decide(self, item: Commanded) -> Iterator[Decided]:
        """Somebody commands; who does not lead refuses."""
        return self._commanding.decide(item, self._election.master_id)

    def conclude(self, item: Concluded) -> None:
        """What this node made of what it sees."""
        self._commanding.conclude(item)

    def take_outbox(self) -> None:
        """Append what this node was to offer itself."""
        self._commanding.take_outbox()

    def on_follower(
        self, sender: NodeId, message: Replicated | Mismatch | OfferFacts, now: float
    ) -> Iterator[Outgoing]:
        """A follower says where it stands, or offers facts."""
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

    def on_heartbeat(self, sender: NodeId, beat: Heartbeat, now: float) -> None:
        """A follower's heartbeat says where it stands, too."""
        if self._leading is not None and beat.follows:
            self._leading.on_mark(sender, beat.mark, now)

    # what goes out ------------------------------------------------------------------------------------------

    def replicate(self, standing: Standing, live: frozenset[NodeId], now: float) -> Iterator[Outgoing]:
        """All that followers are to be sent now; `live` are the members that are alive."""
        leading = self._leading
        if leading is None:
            return
        if self._ledger.damage is not None:
            self._ledger.mended()  # it leads: there is nobody to fetch from
        more_is_safe = leading.judge(standing.members, live, self._lately(now), standing.consistency)
        followers = self._election.followers(standing, now)
        for peer, frame in leading.frames(followers, now):
            yield Outgoing(peer, frame)
        if more_is_safe:
            for peer, frame in leading.announce(followers):
                yield Outgoing(peer, frame)

    def _lately(self, now: float) -> frozenset[NodeId]:
        """Members that hold back what is settled: heard lately, or this node has not been here for long itself."""
        members = self._ledger.state.members
        silent = self._election.liveness.silent_for(members, self._recent_s, now, since=self._started_at)
        return frozenset(members) - silent | {self._me}
