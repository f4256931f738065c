"""The catalogue follows what lies at hand: an embedded model that changed with its package is described anew."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Sequence
from pathlib import Path

from exo_core.cards import Card
from exo_core.identifiers import BootId, ModelId, NodeId
from exo_core.manifests import Manifest
from exo_core.node.model_library import ModelLibrary
from exo_core.node.model_service import ModelService
from exo_core.plugins.manager import Plugins
from exo_core.sources import FetchProgress, Part, SourceContext
from exo_core.state.apply import apply_all
from exo_core.state.commands import Command, CommandAccepted, CommandAnswer
from exo_core.state.decide import Decision, decide
from exo_core.state.events import NodeStarted
from exo_core.state.state import State
from exo_core.testing.models import model_with_layers
from exo_core.testing.one_model_source import OneModelSource

SHELF = ModelId("shelf")


class Shelf(OneModelSource):
    """A source with one model at hand, whose revision can change."""

    def __init__(self, folder: Path) -> None:
        super().__init__(Manifest(model_id=SHELF, source="shelf", revision="1", files=()))
        self.folder = folder

    def change(self, revision: str) -> None:
        """It comes with a new version of its package."""
        self.manifest = self.manifest.model_copy(update={"revision": revision})

    async def catalogue(self) -> Sequence[ModelId]:
        return (SHELF,)

    def local_folder(self, manifest: Manifest) -> Path | None:
        return self.folder if manifest == self.manifest else None

    async def fetch(self, manifest: Manifest, parts: Sequence[Part], into: Path) -> AsyncGenerator[FetchProgress]:
        del manifest, parts, into
        raise AssertionError
        yield


class OneNode:
    """A state, and commands that change it as a master would."""

    def __init__(self, folder: Path) -> None:
        started = NodeStarted(node_id=NodeId("a"), boot=BootId(1), name="A", version="1")
        self.state = self.first = apply_all(State(), [started])
        self.shelf = Shelf(folder)
        plugins = Plugins(built_in={"shelf": self.shelf}, points=())
        library = ModelLibrary(plugins=plugins, context=SourceContext(models=folder), describe=self._describe)
        self.service = ModelService(library=library, submit=self._submit, state=lambda: self.state)

    async def _describe(self, model_id: ModelId, folder: Path) -> Card:
        assert folder == self.shelf.folder
        return model_with_layers(model_id, 2)[1]

    async def _submit(self, command: Command) -> CommandAnswer:
        decision = decide(self.state, command)
        assert isinstance(decision, Decision)
        self.state = apply_all(self.state, decision.facts)
        return CommandAccepted(command_id=command.command_id, index=1, instance_id=decision.instance_id)


async def test_an_embedded_model_that_changed_is_described_and_wished_anew(tmp_path: Path) -> None:
    node = OneNode(tmp_path)
    first = await node.service.ensure_instance(SHELF)
    before = node.state
    await node.service.refresh()
    assert node.state == before, "nothing changed, so nothing is said"
    node.shelf.change("2")
    await node.service.refresh()
    assert node.state.models[SHELF].manifest.revision == "2"
    ((name, instance),) = node.state.instances.items()
    assert name != first
    assert instance.request.model_id == SHELF


async def test_a_model_that_nobody_asked_for_stays_out_of_the_catalogue(tmp_path: Path) -> None:
    node = OneNode(tmp_path)
    await node.service.refresh()
    assert node.state == node.first
