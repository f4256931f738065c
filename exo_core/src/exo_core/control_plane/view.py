"""What of the control plane may the rest of the node read at any time? The participant belongs to the writer thread."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import final

from exo_core.control_plane.participant import Participant
from exo_core.event_logs import EventLog
from exo_core.identifiers import Epoch, NodeId
from exo_core.log.payloads import decode_fact
from exo_core.node_handle import LogView
from exo_core.state.events import Fact, Offer
from exo_core.state.state import State

logger = logging.getLogger(__name__)


@final
class View:
    """Copied after every turn. `log` is read for what is known before the first."""

    def __init__(self, node_id: NodeId, log: EventLog) -> None:
        self.state = State()
        self.live: frozenset[NodeId] = frozenset({node_id})
        self.master_id: NodeId | None = None
        self.log = LogView(length=0, settled=0, hash="")
        self.epoch: Epoch = log.epoch
        self.trouble: str | None = log.damage
        self.is_installing = False
        self.outbox: Sequence[Offer] = log.outbox
        self._unsaved: tuple[Fact, ...] = ()

    @property
    def on_their_way(self) -> tuple[Fact, ...]:
        """Facts of this node that its log does not hold yet."""
        decoded = [decode_fact(offer.payload) for offer in self.outbox]
        return (*(fact for fact in decoded if fact is not None), *self._unsaved)

    def look(self, participant: Participant, now: float) -> bool:
        """Copy everything; True when the state, who lives, or what is wrong has changed."""
        ledger, state, live = participant.ledger, participant.state, participant.live(now)
        has_changed = state is not self.state or live != self.live
        self.log = LogView(length=ledger.length, settled=participant.extent.settled, hash=ledger.chain.hex())
        self.epoch, self.state, self.live = participant.election.epoch, state, live
        self.outbox, self._unsaved = ledger.outbox, participant.unsaved
        self.is_installing = participant.is_installing
        return self._look_for_trouble(participant.trouble) or has_changed

    def _look_for_trouble(self, trouble: str | None) -> bool:
        has_changed = trouble != self.trouble
        if has_changed:
            self.trouble = trouble
            logger.log(logging.WARNING if trouble else logging.INFO, "%s", trouble or "the trouble is over")
        return has_changed
