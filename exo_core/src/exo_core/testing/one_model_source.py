"""A source of one model for tests of who fetches what: it is its own plugin, and a test says what its fetch does."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import AsyncGenerator, Sequence
from pathlib import Path
from typing import Self

from exo_core.hookspecs import hookimpl
from exo_core.identifiers import ModelId
from exo_core.manifests import Manifest
from exo_core.registers import Register
from exo_core.sources import FetchProgress, Part, SourceContext, SourceFactory


class OneModelSource(ABC):
    """Implements `Source`. Nothing is at hand; a subclass fetches."""

    def __init__(self, manifest: Manifest) -> None:
        self.manifest = manifest

    @property
    def name(self) -> str:
        """As the manifest says."""
        return self.manifest.source

    @hookimpl
    def exo_register_sources(self, register: Register[SourceFactory]) -> None:
        """The same object, whoever asks for it."""
        register(self.name, self._made)

    def _made(self, context: SourceContext) -> Self:
        del context
        return self

    def claims(self, model_id: ModelId) -> bool:
        """See `Source`."""
        return model_id == self.manifest.model_id

    async def catalogue(self) -> Sequence[ModelId]:
        """See `Source`."""
        return ()

    async def resolve(self, model_id: ModelId) -> Manifest:
        """See `Source`."""
        del model_id
        return self.manifest

    def local_folder(self, manifest: Manifest) -> Path | None:
        """See `Source`."""
        del manifest
        return None

    @abstractmethod
    def fetch(self, manifest: Manifest, parts: Sequence[Part], into: Path) -> AsyncGenerator[FetchProgress]:
        """See `Source`."""
        ...
