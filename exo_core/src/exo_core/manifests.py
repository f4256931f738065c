"""What a model consists of: a revision and its files."""

from __future__ import annotations

from exo_core.frozen import Count, Frozen
from exo_core.identifiers import ModelId


class ManifestFile(Frozen):
    """One file, its path relative to the model's folder, with `/` between parts."""

    path: str
    size: Count
    sha256: str | None = None
    """Lower-case hex, where the source knows it."""
    git_sha1: str | None = None
    """The name that git gives the content, lower-case hex; for files of which no SHA-256 is known."""


class Manifest(Frozen):
    """A model at one revision. Two manifests with the same `source`, `model_id` and `revision` mean the same bytes."""

    model_id: ModelId
    source: str
    """The name of the source that resolved it."""
    revision: str
    files: tuple[ManifestFile, ...]
    location: str | None = None
    """Where the source finds it (a folder on `node_id`, for instance); means something to that source only."""
    node_id: str | None = None
    """The only node that has it, or None when every node with the source can fetch it."""
