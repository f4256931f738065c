"""Models as this node can get at them: its sources asked in order, its disk, and the backends that describe them."""

from __future__ import annotations

import logging
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import aclosing
from pathlib import Path
from typing import final

from exo_core.cards import Card
from exo_core.errors import ModelError, PluginError
from exo_core.identifiers import ModelId
from exo_core.manifests import Manifest
from exo_core.plugins.manager import Plugins
from exo_core.sources import FetchProgress, Part, Source, SourceContext

logger = logging.getLogger(__name__)

Describe = Callable[[ModelId, Path], Awaitable[Card]]


@final
class ModelLibrary:
    """The sources of one node. `describe` reads a folder's card with a backend of this node."""

    def __init__(self, *, plugins: Plugins, models: Path, describe: Describe) -> None:
        self._context = SourceContext(models=models)
        self._sources = _usable_sources(plugins, self._context)
        self._describe = describe

    def claimed(self, model_id: ModelId) -> bool:
        """Whether any source might have this model."""
        return any(source.claims(model_id) for source in self._sources.values())

    async def catalogue(self) -> list[ModelId]:
        """What can be had without asking anyone, sorted."""
        return sorted({model_id for source in self._sources.values() for model_id in await source.catalogue()})

    async def resolve(self, model_id: ModelId) -> Manifest:
        """Ask the first source that claims the id. Raises `ModelError`."""
        for source in self._sources.values():
            if source.claims(model_id):
                return await source.resolve(model_id)
        available = ", ".join(await self.catalogue()) or "none"
        message = (
            f"no source of models knows '{model_id}'. A MODEL is a path to a folder in mlx-lm's format, or one of: "
            f"{available}"
        )
        raise ModelError(message)

    def local_folder(self, manifest: Manifest) -> Path | None:
        """Where it lies complete on this disk, or None."""
        return self._source(manifest).local_folder(manifest)

    async def fetch(self, manifest: Manifest) -> AsyncGenerator[FetchProgress]:
        """Bring all its files to this disk. Raises `ModelError`."""
        into = self._context.folder(manifest.model_id)
        parts = [Part(path=file.path) for file in manifest.files]
        async with aclosing(self._source(manifest).fetch(manifest, parts, into)) as steps:
            async for step in steps:
                yield step

    async def describe(self, manifest: Manifest) -> Card:
        """The card, read from files on this disk. Raises `ModelError`."""
        if self.local_folder(manifest) is None:
            async for _ in self.fetch(manifest):
                pass
        return await self._describe(manifest.model_id, self.complete_folder(manifest))

    def complete_folder(self, manifest: Manifest) -> Path:
        """Where it lies after a fetch. Raises `ModelError` if the source does not find what it brought."""
        folder = self.local_folder(manifest)
        if folder is None:
            message = f"the source '{manifest.source}' brought {manifest.model_id} but does not find it on this disk"
            raise ModelError(message)
        return folder

    def _source(self, manifest: Manifest) -> Source:
        source = self._sources.get(manifest.source)
        if source is None:
            installed = ", ".join(self._sources) or "none"
            message = (
                f"{manifest.model_id} comes from the source '{manifest.source}', which is not installed here "
                f"(installed: {installed})"
            )
            raise ModelError(message)
        return source


def _usable_sources(plugins: Plugins, context: SourceContext) -> dict[str, Source]:
    """By name; a source that cannot be imported is left out, so that it costs only its own models."""
    register, usable = plugins.sources(), dict[str, Source]()
    for name in register.names:
        try:
            usable[name] = register.get(name)(context)
        except PluginError as problem:
            logger.warning("%s", problem)
    return usable
