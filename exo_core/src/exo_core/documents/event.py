"""An entry of the log as JSON."""

from __future__ import annotations

from exo_core.frozen import JsonValue
from exo_core.node_handle import AppliedEvent, LogItem, RolledBack, SummedUp


def log_document(item: LogItem) -> JsonValue:
    """An entry, or what is to be said between entries: one object with the key `rollback` or `snapshot`."""
    match item:
        case RolledBack():
            return {"rollback": {"to": item.to}}
        case SummedUp():
            return {"snapshot": {"index": item.index}}
        case AppliedEvent():
            return event_document(item)


def position_after(item: LogItem) -> int:
    """Up to where a listener knows the log once it was told this."""
    match item:
        case RolledBack():
            return item.to
        case SummedUp() | AppliedEvent():
            return item.index


def event_document(applied: AppliedEvent) -> JsonValue:
    """One entry of the log. `event` is null when this version does not know its type."""
    return {
        "index": applied.index,
        "id": applied.entry.event_id.model_dump(mode="json"),
        "epoch": applied.entry.epoch.model_dump(mode="json"),
        "chain": applied.entry.chain.hex(),
        "event": applied.event.model_dump(mode="json") if applied.event else None,
    }
