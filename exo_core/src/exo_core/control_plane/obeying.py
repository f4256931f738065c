"""What does a node do under a master? It takes the master's entries, and offers what its own log does not hold.

`Following` compares and cuts, `Offering` remembers what was offered. A node that leads, or hears no master, is brought
nothing that counts.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import final

from exo_core.control_plane.following import Following
from exo_core.control_plane.inputs import CutTo, Outgoing
from exo_core.control_plane.ledger import Applied, Ledger
from exo_core.control_plane.messages import GapFound, Replicate, Replicated
from exo_core.control_plane.offering import Offering
from exo_core.control_plane.taking_over import TakingOver
from exo_core.control_plane.trouble import Trouble
from exo_core.control_plane.waiting_answers import WaitingAnswers
from exo_core.election.election import Election
from exo_core.election.messages import Fenced, Heartbeat
from exo_core.identifiers import NodeId
from exo_core.state.events import FactId


@final
class Obeying:
    """One node's."""

    def __init__(
        self,
        *,
        ledger: Ledger,
        trouble: Trouble,
        election: Election,
        following: Following,
        waiting: WaitingAnswers,
        taking_over: TakingOver,
    ) -> None:
        self._ledger = ledger
        self._trouble = trouble
        self._election = election
        self._following = following
        self._waiting = waiting
        self._taking_over = taking_over
        self._offering = Offering()

    def on_replicate(self, sender: NodeId, frame: Replicate) -> Iterator[Outgoing | CutTo | Applied]:
        """Entries of a master: of the present one they are taken, one of an earlier epoch is told so."""
        epoch = self._election.epoch
        if frame.epoch < epoch:
            yield Outgoing(sender, Fenced(epoch=epoch, followers=0))
        if frame.epoch != epoch or self._election.master_id != sender or self._election.leads:
            return
        if self._trouble.disk_is_full:
            return  # it comes again
        answer, cut_to, added = self._following.receive(frame)
        if cut_to is not None:
            self._waiting.cut(cut_to)
            yield CutTo(cut_to)
        yield from self._waiting.tell(added)
        if isinstance(answer, Replicated):
            self._taking_over.follows()
        if answer is not None:
            yield Outgoing(sender, answer)

    def on_heartbeat(self, sender: NodeId, beat: Heartbeat) -> None:
        """The master's says how far the log is safe."""
        if beat.leads and sender == self._election.master_id:
            self._following.hear(beat.mark)

    def on_gap(self, message: GapFound) -> None:
        """The master needs another fact first."""
        if self._ledger.lost(FactId(origin=message.origin, seq=message.next_seq)):
            self._offering.lost(message.origin)
        else:
            self._offering.again()

    def offer(self, now: float) -> Iterator[Outgoing]:
        """What waits in the outbox, to the master if there is one."""
        master_id = self._election.master_id
        if master_id is not None:
            for message in self._offering.messages(self._ledger.outbox, master_id, now):
                yield Outgoing(master_id, message)
