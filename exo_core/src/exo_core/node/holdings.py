"""Which models of the catalogue lie complete on this disk, and that the log says so.

Compared with the log and never remembered as "sent", like the reports about runners. The disk is looked at when the
catalogue changed and when a fetch ended; whoever wants files asks the node itself, which looks again.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable, Iterator, Mapping, Sequence
from contextlib import aclosing
from typing import final

from exo_core.identifiers import ModelId, NodeId
from exo_core.manifests import Manifest
from exo_core.model_sharing.file_server import HeldModel
from exo_core.node.model_library import ModelLibrary
from exo_core.state.events import DownloadFinished, DownloadLost, Fact
from exo_core.state.state import Model, State


@final
class Holdings:
    """Belongs to the node's event loop, but for `held`, which may be called in any thread."""

    def __init__(
        self,
        *,
        node_id: NodeId,
        library: ModelLibrary,
        state: Callable[[], State],
        changes: Callable[[], AsyncGenerator[None]],
        on_their_way: Callable[[], Sequence[Fact]],
        offer_soon: Callable[[Fact], None],
    ) -> None:
        self._node_id = node_id
        self._library = library
        self._state = state
        self._changes = changes
        self._on_their_way = on_their_way
        self._offer_soon = offer_soon
        self._seen: Mapping[ModelId, Model] | None = None
        self._here: dict[ModelId, str] = {}

    def catalogued(self, model_id: ModelId) -> Manifest | None:
        """The catalogue's manifest of a model."""
        model = self._state().models.get(model_id)
        return model.manifest if model is not None else None

    def held(self, model_id: ModelId, revision: str) -> HeldModel | None:
        """A model of the catalogue in that revision, if it lies here now, complete or in part."""
        manifest = self.catalogued(model_id)
        if manifest is None or manifest.revision != revision:
            return None
        folder = self._library.local_folder(manifest)
        if folder is not None:
            return HeldModel(manifest=manifest, folder=folder)
        part = self._library.place_for(manifest)
        return HeldModel(manifest=manifest, folder=part, complete=False) if part.is_dir() else None

    def look_again(self) -> None:
        """Something was brought to this disk; the next change looks at it."""
        self._seen = None

    async def run(self) -> None:
        """Report for ever."""
        async with aclosing(self._changes()) as changes:
            async for _ in changes:
                await self._look()
                if self._seen is self._state().models:  # else it changed meanwhile, and the next turn looks again
                    self._report()

    async def _look(self) -> None:
        models = self._state().models
        if models is not self._seen:
            self._seen = models
            self._here = await asyncio.to_thread(self._found, models)

    def _report(self) -> None:
        waiting = self._on_their_way()
        for fact in missing_reports(self._state(), self._node_id, self._here):
            if fact not in waiting:
                self._offer_soon(fact)

    def _found(self, models: Mapping[ModelId, Model]) -> dict[ModelId, str]:
        manifests = (model.manifest for model in models.values())
        return {item.model_id: item.revision for item in manifests if self._library.local_folder(item) is not None}


def missing_reports(state: State, node_id: NodeId, here: Mapping[ModelId, str]) -> Iterator[Fact]:
    """What the log does not say of this node's disk, and what it says wrongly, for the models of the catalogue."""
    if node_id not in state.members:
        return
    said = state.downloads.get(node_id, {})
    for model_id, model in state.models.items():
        revision = model.manifest.revision
        if here.get(model_id) == revision:
            if said.get(model_id) != revision:
                yield DownloadFinished(node_id=node_id, model_id=model_id, revision=revision)
        elif model_id in said:
            yield DownloadLost(node_id=node_id, model_id=model_id)
