"""A model of the catalogue as JSON."""

from __future__ import annotations

from exo_core.frozen import JsonValue
from exo_core.identifiers import ModelId
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
