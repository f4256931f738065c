"""What a person types for a model, and the id that it means."""

from __future__ import annotations

from pathlib import Path

from exo_core.identifiers import ModelId


def model_named(text: str) -> ModelId:
    """A MODEL as typed: a path becomes absolute, so that it means the same on the node; other names stay."""
    path = Path(text).expanduser()
    if text.startswith((".", "/", "~")) or path.is_dir():
        return ModelId(str(path.absolute()))
    return ModelId(text)
