"""Pure rules of the outbox: the facts of this node, and of entries cut from its log, that its log does not hold."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from exo_core.identifiers import Origin
from exo_core.state.events import Entry, FactId, Offer


def facts_of(entries: Iterable[Entry]) -> tuple[Offer, ...]:
    """What of these entries must never be lost. Conclusions are left out: a master draws them anew."""
    return tuple(
        Offer(event_id=entry.event_id, payload=entry.payload) for entry in entries if isinstance(entry.event_id, FactId)
    )


def fact_of(offer: Offer) -> tuple[Origin, int]:
    """Which fact it is: its origin and number."""
    return offer.event_id.origin, offer.event_id.seq


def after_cut(cut: Iterable[Entry], outbox: Sequence[Offer]) -> tuple[Offer, ...]:
    """The outbox when these entries leave the log: their facts come first, since they are older; each once."""
    merged = {fact_of(offer): offer for offer in (*facts_of(cut), *outbox)}
    return tuple(merged.values())


def without_known(outbox: Sequence[Offer], holds: Callable[[FactId], bool]) -> tuple[Offer, ...]:
    """What remains when the log `holds` some of them."""
    return tuple(offer for offer in outbox if not holds(offer.event_id))
