"""How a snapshot is made, and what a node that takes over another's must still offer. Pure.

A snapshot stands for the entries up to its index. Two things outlive these entries verbatim: those that its writer
could not reduce, and the facts that not every member is known to hold. The latter matter when two parts of a cluster
were apart for so long that each compacted its own history: whoever gives up its history offers what the other lacks.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from exo_core.control_plane.running_sum import Point, RunningSum
from exo_core.event_logs import Snapshot
from exo_core.identifiers import Origin
from exo_core.state.events import Entry, FactId, Offer
from exo_core.wire.codec import encode_model


def snapshot_of(
    point: Point, chain: bytes, earlier: Snapshot | None, entries: Sequence[Entry], everywhere: int
) -> Snapshot:
    """The snapshot at `point`. `entries` are those up to there that not every member holds; all do `everywhere`."""
    before = [(index, offer) for index, offer in (earlier.facts if earlier is not None else ()) if index > everywhere]
    return Snapshot(
        index=point.length,
        chain=chain,
        last_epoch=point.last_epoch,
        state=encode_model(point.state),
        last_seqs=tuple(sorted(point.last_seqs.items(), key=lambda item: (item[0].node_id, item[0].boot))),
        holes=tuple(sorted(point.holes, key=lambda item: (item[0].node_id, item[0].boot, item[1]))),
        unreduced=point.unreduced,
        facts=(*before, *_numbered_facts(point.length - len(entries), entries)),
    )


def not_covered(sums: RunningSum, held: Iterable[Offer]) -> tuple[Offer, ...]:
    """Of facts that a node holds, those that another history (its sum) does not have; each once, in order."""
    wanted = {(offer.event_id.origin, offer.event_id.seq): offer for offer in held if not sums.holds(offer.event_id)}
    return tuple(wanted.values())


def would_forget(ours: RunningSum, theirs: RunningSum, held: Iterable[Offer]) -> bool:
    """Whether another history (its sum) lacks a fact of ours that this node does not hold one by one any more."""
    kept = {(offer.event_id.origin, offer.event_id.seq) for offer in held}
    return any(fact not in kept for fact in _missing(ours, theirs))


def _missing(ours: RunningSum, theirs: RunningSum) -> Iterator[tuple[Origin, int]]:
    """Facts that the one history has and the other has not."""
    for origin, last in ours.last_seqs.items():
        for seq in range(theirs.last_seqs.get(origin, 0) + 1, last + 1):
            if (origin, seq) not in ours.holes:
                yield origin, seq
    yield from (fact for fact in theirs.holes if ours.holds(FactId(origin=fact[0], seq=fact[1])))


def _numbered_facts(base: int, entries: Sequence[Entry]) -> Iterator[tuple[int, Offer]]:
    for index, entry in enumerate(entries, start=base + 1):
        if isinstance(entry.event_id, FactId):
            yield index, Offer(event_id=entry.event_id, payload=entry.payload)
