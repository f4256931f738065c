"""An entry of the log as JSON."""

from __future__ import annotations

from exo_core.frozen import JsonValue
from exo_core.node_handle import AppliedEvent


def event_document(applied: AppliedEvent) -> JsonValue:
    """One entry of the log. `event` is null when this version does not know its type."""
    return {
        "index": applied.index,
        "id": applied.entry.event_id.model_dump(mode="json"),
        "epoch": applied.entry.epoch.model_dump(mode="json"),
        "chain": applied.entry.chain.hex(),
        "event": applied.event.model_dump(mode="json") if applied.event else None,
    }
