"""How entries are chained: each carries a hash over its content and the hash before it. Equal chains are equal logs.

chain = SHA-256(previous chain ‖ body); body = canonical msgpack of [[term, master], event id, payload], where a fact's
id is ["fact", node, boot, seq] and a conclusion's ["derived", term, master, n]. The payload stays the bytes that it was
first written as, for ever: a version that does not know an event passes it on unharmed.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from functools import lru_cache

from pydantic import TypeAdapter, ValidationError

from exo_core.errors import LogCorrupt, WireError
from exo_core.identifiers import Epoch, Origin
from exo_core.state.events import DerivedId, Entry, EventId, FactId
from exo_core.wire.codec import pack_lists, unpack

GENESIS = bytes(32)
"""The chain before the first entry."""

_IdFields = tuple[str, str, int, int] | tuple[str, int, str, int]
_BODY = TypeAdapter(tuple[tuple[int, str], _IdFields, bytes])


def body_of(epoch: Epoch, event_id: EventId, payload: bytes) -> bytes:
    """What the chain is computed over, apart from the previous chain."""
    return pack_lists([[epoch.term, epoch.master_id], _id_fields(event_id), payload])


def next_chain(previous: bytes, body: bytes) -> bytes:
    """The chain after an entry with this body."""
    return hashlib.sha256(previous + body).digest()


def make_entry(previous: bytes, epoch: Epoch, event_id: EventId, payload: bytes) -> Entry:
    """An entry that continues a log whose chain is `previous`."""
    chain = next_chain(previous, body_of(epoch, event_id, payload))
    return Entry(epoch=epoch, event_id=event_id, payload=payload, chain=chain)


def entry_from(body: bytes, chain: bytes) -> Entry:
    """The entry that has this body. Raises `LogCorrupt`."""
    try:
        (term, master_id), fields, payload = _BODY.validate_python(unpack(body), strict=True)
        return Entry(epoch=_epoch(term, master_id), event_id=_id_from(fields), payload=payload, chain=chain)
    except (ValidationError, WireError, ValueError) as problem:
        message = f"an entry of the log has a valid checksum and no valid content: {type(problem).__name__}"
        raise LogCorrupt(message) from problem


def continues(previous: bytes, entries: Iterable[Entry]) -> bool:
    """Whether these entries, in this order, continue a log whose chain is `previous`."""
    for entry in entries:
        if entry.chain != next_chain(previous, body_of(entry.epoch, entry.event_id, entry.payload)):
            return False
        previous = entry.chain
    return True


def _id_fields(event_id: EventId) -> list[object]:
    if isinstance(event_id, FactId):
        return ["fact", event_id.origin.node_id, event_id.origin.boot, event_id.seq]
    return ["derived", event_id.epoch.term, event_id.epoch.master_id, event_id.n]


def _id_from(fields: Sequence[object]) -> EventId:
    kind, first, second, number = fields
    if kind == "fact":
        return FactId.model_validate({"origin": _origin(first, second), "seq": number})
    if kind == "derived":
        return DerivedId.model_validate({"epoch": _epoch(first, second), "n": number})
    message = f"an event id of kind {kind!r}"
    raise ValueError(message)


@lru_cache(maxsize=1024)
def _epoch(term: object, master_id: object) -> Epoch:
    """One object for all entries of an epoch."""
    return Epoch.model_validate({"term": term, "master_id": master_id})


@lru_cache(maxsize=1024)
def _origin(node_id: object, boot: object) -> Origin:
    """One object for all facts of an origin."""
    return Origin.model_validate({"node_id": node_id, "boot": boot})
