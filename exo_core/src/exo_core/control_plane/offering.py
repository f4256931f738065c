"""A follower's outbox on its way to the master: each fact once, and all again while they do not show up in the log."""

from __future__ import annotations

from collections.abc import Sequence
from typing import final

from exo_core.control_plane.messages import BYTES_PER_FRAME, ENTRIES_PER_FRAME, OfferFacts
from exo_core.identifiers import NodeId, Origin
from exo_core.state.events import Offer

RESEND_S = 0.5
_Key = tuple[NodeId, int, int]


@final
class Offering:
    """What was sent to whom."""

    def __init__(self) -> None:
        self._to: NodeId | None = None
        self._sent: set[_Key] = set()
        self._again_at = 0.0
        self._past_gaps: set[Origin] = set()

    def again(self) -> None:
        """The master misses something: send everything."""
        self._sent.clear()

    def lost(self, origin: Origin) -> None:
        """The master asks for a fact of that origin that this node has not: its later ones are offered all the same."""
        self._past_gaps.add(origin)
        self._sent.clear()

    def messages(self, outbox: Sequence[Offer], master_id: NodeId, now: float) -> Sequence[OfferFacts]:
        """What to send to the master now."""
        if master_id != self._to:
            self._to, self._past_gaps = master_id, set()
            self._sent.clear()
        elif outbox and now >= self._again_at:
            self._sent.clear()
        self._sent &= {_key(offer) for offer in outbox}
        batch = _batch([offer for offer in outbox if _key(offer) not in self._sent])
        if not batch:
            return ()
        self._sent.update(_key(offer) for offer in batch)
        self._again_at = now + RESEND_S
        past_gaps = sorted(self._past_gaps, key=lambda origin: (origin.node_id, origin.boot))
        return (OfferFacts(offers=tuple(batch), past_gaps=tuple(past_gaps)),)


def _batch(offers: Sequence[Offer]) -> Sequence[Offer]:
    size, taken = 0, 0
    for offer in offers[:ENTRIES_PER_FRAME]:
        size += len(offer.payload)
        if taken and size > BYTES_PER_FRAME:
            break
        taken += 1
    return offers[:taken]


def _key(offer: Offer) -> _Key:
    return offer.event_id.origin.node_id, offer.event_id.origin.boot, offer.event_id.seq
