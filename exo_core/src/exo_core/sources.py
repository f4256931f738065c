"""The third waist: where models come from."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from exo_core.frozen import Count, Frozen
from exo_core.identifiers import ModelId
from exo_core.manifests import Manifest


class Part(Frozen):
    """A file of a manifest, or only the named tensors of a safetensors file."""

    path: str
    tensors: tuple[str, ...] | None = None


class FetchProgress(Frozen):
    """How far a fetch has come, in bytes."""

    done: Count
    total: Count


@dataclass(frozen=True, kw_only=True)
class SourceContext:
    """What a source is built with. `models` is the folder in which exo keeps what it fetched."""

    models: Path

    def folder(self, model_id: ModelId) -> Path:
        """Where `fetch` is told to put a model's files, and where `local_folder` looks for them."""
        return self.models / model_id.replace("/", "--")


class Source(Protocol):
    """Finds models and brings their files. One object per node, on the node's event loop: never block it."""

    @property
    def name(self) -> str:
        """Recorded in manifests; the same on every node."""
        ...

    def claims(self, model_id: ModelId) -> bool:
        """Whether this id is this source's to resolve, judged from the id alone (at most a look at the disk)."""
        ...

    async def catalogue(self) -> Sequence[ModelId]:
        """Models that can be had without asking anyone: embedded, or already on this disk."""
        ...

    async def resolve(self, model_id: ModelId) -> Manifest:
        """Its newest manifest. Raises `ModelError` (unknown, broken, unreachable) saying what to do."""
        ...

    def local_folder(self, manifest: Manifest) -> Path | None:
        """The folder with all its files complete on this disk, or None."""
        ...

    def fetch(self, manifest: Manifest, parts: Sequence[Part], into: Path) -> AsyncGenerator[FetchProgress]:
        """Bring `parts` into the folder `into`, checked against sizes and hashes; yields as it goes, last when done.

        Resumable: what is already there and right is kept. Closing the generator stops the fetch. Raises `ModelError`.
        """
        ...


SourceFactory = Callable[[SourceContext], Source]
