"""Models as this node can get at them: its sources asked in order, its disk, and the backends that describe them."""

from __future__ import annotations

import asyncio
import logging
from collections import defaultdict
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import aclosing, asynccontextmanager
from pathlib import Path
from typing import final

from exo_core.cards import Card
from exo_core.errors import ModelError, PluginError
from exo_core.identifiers import ModelId
from exo_core.manifests import Manifest
from exo_core.model_fetching.sole_fetcher import sole_fetcher
from exo_core.model_files.partial_file import is_whole
from exo_core.model_folders import WEIGHTS_SUFFIX
from exo_core.plugins.manager import Plugins
from exo_core.sources import Part, Source, SourceContext

logger = logging.getLogger(__name__)

Describe = Callable[[ModelId, Path], Awaitable[Card]]


FOLDER = "folder"
"""The source of models by path."""
PEERS = "peers"
"""The source that asks other members: the last to say what a model is, the first to bring it."""


@final
class ModelLibrary:
    """The sources of one node. `describe` reads a folder's card with a backend of this node."""

    def __init__(self, *, plugins: Plugins, context: SourceContext, describe: Describe) -> None:
        self._context = context
        self._sources = _usable_sources(plugins, context)
        self._describe = describe
        self._turns = defaultdict[tuple[str, str], asyncio.Lock](asyncio.Lock)

    async def is_at_hand(self, model_id: ModelId) -> bool:
        """Whether the model can be had without asking anyone: it is embedded, on this disk, or a folder's path."""
        folders = self._sources.get(FOLDER)
        return (folders is not None and folders.claims(model_id)) or model_id in await self.catalogue()

    async def catalogue(self) -> list[ModelId]:
        """What can be had without asking anyone, sorted."""
        return sorted({model_id for source in self._sources.values() for model_id in await source.catalogue()})

    async def resolve(self, model_id: ModelId) -> Manifest:
        """Ask the sources that claim the id, one after the other. Raises `ModelError`, the first one's."""
        problem: ModelError | None = None
        for source in self._sources.values():
            if source.claims(model_id):
                try:
                    return await source.resolve(model_id)
                except ModelError as failure:
                    problem = problem or failure
        if problem is not None:
            raise problem
        available = ", ".join(await self.catalogue()) or "none"
        message = (
            f"no source of models knows '{model_id}'. A MODEL is a path to a folder in mlx-lm's format, a name on the "
            f"Hugging Face Hub (org/name), or one of: {available}"
        )
        raise ModelError(message)

    def local_folder(self, manifest: Manifest) -> Path | None:
        """Where it lies complete on this disk, or None. Looks at the disk; may be called in a thread."""
        folders = (source.local_folder(manifest) for source in self._sources_of(manifest))
        return next((folder for folder in folders if folder is not None), None) or self._fetched(manifest)

    def ways_to(self, manifest: Manifest) -> list[Source]:
        """The sources that may bring it, other members first, so that nothing comes from afar that one of them has."""
        return sorted(self._sources_of(manifest), key=lambda source: source.name != PEERS)

    def place_for(self, manifest: Manifest) -> Path:
        """Where a model's files are put, whoever brings them: what one source leaves over, the next one adds."""
        return self._context.folder(manifest)

    def _fetched(self, manifest: Manifest) -> Path | None:
        folder = self.place_for(manifest)
        is_there = manifest.files and all(is_whole(folder / file.path, file.size) for file in manifest.files)
        return folder if is_there else None

    @asynccontextmanager
    async def turn(self, manifest: Manifest) -> AsyncGenerator[Path | None]:
        """Nobody else on this machine brings this model meanwhile. Gives where it lies complete, or None.

        Whoever comes second waits, and finds what the first one brought. Raises `ModelError`.
        """
        async with self._turns[manifest.model_id, manifest.revision]:
            folder = await asyncio.to_thread(self.local_folder, manifest)
            if folder is not None:
                yield folder
                return
            async with sole_fetcher(self.place_for(manifest)):
                yield await asyncio.to_thread(self.local_folder, manifest)

    async def describe(self, manifest: Manifest) -> Card:
        """The card, read from what describes the model; of the weights only the headers are fetched for it.

        Raises `ModelError`.
        """
        async with self.turn(manifest) as folder:
            there = folder or await self._described(manifest)
        return await self._describe(manifest.model_id, there)

    async def _described(self, manifest: Manifest) -> Path:
        """The folder with what describes the model, in one's `turn`."""
        source, folder = self._source(manifest), self.place_for(manifest)
        async with aclosing(source.fetch(manifest, describing_parts(manifest), folder)) as steps:
            async for _ in steps:
                pass
        return folder

    def complete_folder(self, manifest: Manifest) -> Path:
        """Where it lies after a fetch. Raises `ModelError` if the source does not find what it brought."""
        folder = self.local_folder(manifest)
        if folder is None:
            message = f"the source '{manifest.source}' brought {manifest.model_id} but does not find it on this disk"
            raise ModelError(message)
        return folder

    def _sources_of(self, manifest: Manifest) -> list[Source]:
        """Its own source, if that is installed here, and the members."""
        return [source for name, source in self._sources.items() if name in (manifest.source, PEERS)]

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


def describing_parts(manifest: Manifest) -> list[Part]:
    """Config, tokenizer and whatever else is small, and of the weights the headers."""
    paths = [file.path for file in manifest.files]
    return [Part(path=path, tensors=() if path.endswith(WEIGHTS_SUFFIX) else None) for path in paths]


def _usable_sources(plugins: Plugins, context: SourceContext) -> dict[str, Source]:
    """By name, `peers` last; a source that cannot be imported is left out, so that it costs only its own models."""
    register, usable = plugins.sources(), dict[str, Source]()
    for name in sorted(register.names, key=lambda name: (name == PEERS, name)):
        try:
            usable[name] = register.get(name)(context)
        except PluginError as problem:
            logger.warning("%s", problem)
    return usable
