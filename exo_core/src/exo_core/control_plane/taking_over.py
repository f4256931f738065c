"""When does another's snapshot take the place of what is here, and whose history gives way?

`Wholeness` says whether one is needed and brings it, `GivingWay` has the rules for two histories that a snapshot parts.
Here both meet the election: a snapshot is installed only by a follower, or by a node that gave way, and what it must
not make this node forget is never installed.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import final

from exo_core.control_plane.extent import Extent
from exo_core.control_plane.following import Following
from exo_core.control_plane.giving_way import GivingWay
from exo_core.control_plane.inputs import Differs, Installed, Outgoing
from exo_core.control_plane.ledger import Ledger
from exo_core.control_plane.messages import BehindSnapshot, FetchSnapshot, SnapshotPart
from exo_core.control_plane.trouble import Trouble
from exo_core.control_plane.waiting_answers import WaitingAnswers
from exo_core.control_plane.wholeness import Wholeness
from exo_core.election.election import Election
from exo_core.election.messages import Heartbeat
from exo_core.event_logs import Snapshot
from exo_core.identifiers import NodeId, Origin


@final
class TakingOver:
    """One node's. What it yields is to be sent or told."""

    def __init__(
        self,
        *,
        ledger: Ledger,
        trouble: Trouble,
        election: Election,
        following: Following,
        waiting: WaitingAnswers,
        origin: Origin,
        part_bytes: int,
    ) -> None:
        self._ledger = ledger
        self._trouble = trouble
        self._election = election
        self._following = following
        self._waiting = waiting
        self._origin = origin
        self._wholeness = Wholeness(ledger, trouble, part_bytes)
        self._giving_way = GivingWay()

    @property
    def is_fetching(self) -> bool:
        """Whether a snapshot is on its way to replace what this node knows."""
        return self._wholeness.is_fetching

    @property
    def gives_way(self) -> bool:
        """Whether this node must have another's snapshot before it may lead again."""
        return self._giving_way.to is not None

    # what happens -------------------------------------------------------------------------------------------

    def hear(self, sender: NodeId, beat: Heartbeat) -> None:
        """A peer's heartbeat says what its state is."""
        self._wholeness.hear(sender, beat)

    def serve(self, sender: NodeId, asked: FetchSnapshot, extent: Extent) -> Iterator[Outgoing]:
        """Somebody asks for what is here."""
        return self._wholeness.serve(sender, asked, extent)

    def follows(self) -> None:
        """This node's log goes on from the master's entries: no snapshot is needed to get there."""
        self._giving_way.over()
        self._wholeness.follows()

    def leads(self) -> None:
        """A master fetches from nobody."""
        self._wholeness.leads()

    def look_after_giving_way(self, now: float) -> None:
        """Whom this node gave way to may be gone; what it sent may not have reached the disk."""
        to = self._giving_way.to
        if to is not None and self._election.liveness.is_live(to, now):
            self._wholeness.fetch(0)
        elif to is not None:
            self._giving_way.over()
            self._wholeness.give_up()

    def tick(self, reachable: frozenset[NodeId], now: float) -> Iterator[Outgoing | Differs]:
        """Compare with others, and ask for what is missing."""
        providers = self._providers(reachable, now)
        return self._wholeness.tick(providers, self._election.master_id, now, gives_way=self.gives_way)

    def _providers(self, reachable: frozenset[NodeId], now: float) -> Sequence[NodeId]:
        """Whom to ask for a snapshot: the master first. A newcomer's log does not say yet who is a member."""
        if self._giving_way.to is not None:
            return (self._giving_way.to,)
        master, known = self._election.master_id, reachable.union(self._ledger.state.members)
        live = self._election.liveness.live(known - {self._origin.node_id}, now)
        return sorted(live, key=lambda peer: (peer != master, peer))

    # a snapshot arrives -------------------------------------------------------------------------------------

    def receive(self, sender: NodeId, part: SnapshotPart, now: float) -> Iterator[Outgoing | Installed]:
        """A part of one came."""
        if self._election.leads or (self._election.master_id is None and not self.gives_way):
            return  # whoever takes over a snapshot needs a master for what follows it
        asks, snapshot = self._wholeness.receive(sender, part, now)
        yield from asks
        if snapshot is None:
            return
        if self._ledger.would_forget(snapshot):
            yield from self._refuse(sender)
        else:
            yield from self._install(snapshot)

    def _install(self, snapshot: Snapshot) -> Iterator[Outgoing | Installed]:
        foreign = self._ledger.chain_at(snapshot.index) != snapshot.chain
        self._ledger.install(snapshot)
        self._giving_way.over()
        self._wholeness.replaced()
        if foreign:
            self._following.extent = Extent(safe=snapshot.index, settled=snapshot.index)
            self._waiting.cut(0)
            self._waiting.covered(self._ledger.last_seqs.get(self._origin, 0), snapshot.index)
        yield Installed(snapshot.index, self._ledger.state)
        if self._election.master_id is not None:
            yield Outgoing(self._election.master_id, self._following.where(self._election.epoch))

    def _refuse(self, sender: NodeId) -> Iterator[Outgoing]:
        """Its sender's history lacks what is only in a snapshot here."""
        if sender == self._giving_way.to:
            self._giving_way.apart(sender)
        elif sender == self._election.master_id and self._trouble.cure == "none needed":
            self._giving_way.refuse(self._election.epoch)
            yield self._behind_ours(sender)
        else:
            self._wholeness.refuse(sender)

    # somebody is behind a snapshot --------------------------------------------------------------------------

    def give_way(self, to: NodeId) -> bool:
        """A follower says that this master is behind its snapshot: whether it is to lead no more, and fetch that."""
        begins = self._giving_way.begin(to)
        if begins:
            self._wholeness.fetch(0)
        return begins

    def told_behind(self, sender: NodeId, index: int) -> Iterator[Outgoing]:
        """The master says that this follower is behind its snapshot."""
        if sender != self._election.master_id:
            return
        if self._giving_way.has_refused(self._election.epoch):
            self._trouble.is_apart = True
            yield self._behind_ours(sender)
        else:
            self._wholeness.fetch(index)

    def _behind_ours(self, master_id: NodeId) -> Outgoing:
        return Outgoing(master_id, BehindSnapshot(epoch=self._election.epoch, index=self._ledger.first_index() - 1))
