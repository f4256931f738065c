"""Models, placements and events as JSON documents, the same for the command line and for HTTP."""

from __future__ import annotations

from exo_core.frozen import JsonValue
from exo_core.identifiers import ModelId
from exo_core.node_handle import AppliedEvent, Preview
from exo_core.placement import DoesNotFit, Placement
from exo_core.state.state import State


def model_document(state: State, model_id: ModelId) -> JsonValue:
    """A model of the catalogue: its card once it was added, and which nodes have it complete on disk."""
    model = state.models.get(model_id)
    on_disk: list[JsonValue] = [node_id for node_id, models in sorted(state.downloads.items()) if model_id in models]
    return {
        "id": model_id,
        "added": model is not None,
        "source": model.manifest.source if model else None,
        "location": model.manifest.location if model else None,
        "card": model.card.model_dump(mode="json") if model else None,
        "bytes": model.card.weight_bytes if model else None,
        "on_disk": on_disk,
    }


def placement_document(placement: Placement) -> dict[str, JsonValue]:
    """An exact placement; what `POST /instance` takes."""
    return placement.model_dump(mode="json")


def preview_document(preview: Preview) -> JsonValue:
    """A placement that could be made, or why not."""
    outcome = preview.outcome
    memory: dict[str, JsonValue] = dict(preview.memory_bytes.items())
    return {
        "model_id": preview.request.model_id,
        "min_nodes": preview.request.min_nodes,
        "parallel": outcome.parallel if isinstance(outcome, Placement) else preview.request.parallel,
        "placement": None if isinstance(outcome, DoesNotFit) else placement_document(outcome),
        "memory_bytes": memory,
        "error": outcome.reason if isinstance(outcome, DoesNotFit) else None,
    }


def event_document(applied: AppliedEvent) -> JsonValue:
    """One entry of the log. `event` is null when this version does not know its type."""
    return {
        "index": applied.index,
        "id": applied.entry.event_id.model_dump(mode="json"),
        "epoch": applied.entry.epoch.model_dump(mode="json"),
        "chain": applied.entry.chain.hex(),
        "event": applied.event.model_dump(mode="json") if applied.event else None,
    }
