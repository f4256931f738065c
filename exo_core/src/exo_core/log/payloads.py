"""How an event becomes the bytes that the log keeps, and comes back."""

from __future__ import annotations

from pydantic import TypeAdapter

from exo_core.errors import WireError
from exo_core.state.events import Event, Fact
from exo_core.wire.codec import decode, encode

_EVENT: TypeAdapter[Event] = TypeAdapter(Event)
_FACT: TypeAdapter[Fact] = TypeAdapter(Fact)


def encode_event(event: Event) -> bytes:
    """Canonical msgpack."""
    return encode(_EVENT, event)


def decode_event(payload: bytes) -> Event | None:
    """The event, or None when this version does not know its type or its fields: it is kept verbatim and skipped."""
    try:
        return decode(_EVENT, payload)
    except WireError:
        return None


def decode_fact(payload: bytes) -> Fact | None:
    """The same for what must be a fact."""
    try:
        return decode(_FACT, payload)
    except WireError:
        return None
