"""A model of the catalogue as JSON."""

from __future__ import annotations

from exo_core.frozen import JsonValue
from exo_core.identifiers import ModelId
from exo_core.state.aliases import aliases_of
from exo_core.state.state import State


def model_document(state: State, model_id: ModelId) -> JsonValue:
    """A model of the catalogue: its card once it was added, and which nodes have it complete on disk.

    A part of it, for a shard, does not count, and neither does another revision than the catalogue's.
    """
    model = state.models.get(model_id)
    on_disk: list[JsonValue] = []
    for node_id, revisions in sorted(state.downloads.items()):
        if model is not None and revisions.get(model_id) == model.manifest.revision:
            on_disk.append(node_id)
    return {
        "id": model_id,
        "aliases": list[JsonValue](aliases_of(state, model_id)),
        "added": model is not None,
        "source": model.manifest.source if model else None,
        "location": model.manifest.location if model else None,
        "card": model.card.model_dump(mode="json") if model else None,
        "bytes": model.card.weight_bytes if model else None,
        "on_disk": on_disk,
    }
