"""A placement that could be made as JSON."""

from __future__ import annotations

from exo_core.frozen import JsonValue
from exo_core.placement import DoesNotFit, Placement, Preview


def preview_document(preview: Preview) -> JsonValue:
    """A placement that could be made, or why not. `placement` is what `POST /instance` takes."""
    outcome = preview.outcome
    memory: dict[str, JsonValue] = dict(preview.memory_bytes.items())
    return {
        "model_id": preview.request.model_id,
        "min_nodes": preview.request.min_nodes,
        "parallel": outcome.parallel if isinstance(outcome, Placement) else preview.request.parallel,
        "placement": None if isinstance(outcome, DoesNotFit) else outcome.model_dump(mode="json"),
        "memory_bytes": memory,
        "error": outcome.reason if isinstance(outcome, DoesNotFit) else None,
    }
