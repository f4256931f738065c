"""`exo place` places what the catalogue holds; only `exo models add` looks for a newer revision."""

from __future__ import annotations

import asyncio
from pathlib import Path

from click.testing import CliRunner, Result

from exo_core.cli import exo
from exo_core.control_socket.operations import LocalOperations
from exo_core.control_socket.server import serving
from exo_core.identifiers import ModelId
from exo_core.node.home import Home
from exo_core.state.events import NodeJoined
from exo_core.state.state import Model
from exo_core.testing.models import model_with_layers
from exo_http.testing.scripted_node import ScriptedNode

MODEL = ModelId("org/name")


async def typed(home: Path, *words: str) -> Result:
    """What the command says."""
    return await asyncio.to_thread(CliRunner().invoke, exo, [*words, "--home", str(home)])


async def test_placing_takes_the_revision_of_the_catalogue_and_adding_the_newest(tmp_path: Path) -> None:
    node = ScriptedNode()
    node.record(NodeJoined(node_id=node.node_id, name="one"))
    manifest, card = model_with_layers(MODEL, 4)
    async with serving(Home(tmp_path).socket, LocalOperations(node)):
        for revision in ("first", "second"):
            newer = manifest.model_copy(update={"revision": revision})
            node.resolvable = {MODEL: Model(manifest=newer, card=card)}
            placed = await typed(tmp_path, "place", MODEL, "--no-wait")
            assert placed.exit_code == 0, placed.output
            assert node.state.models[MODEL].manifest.revision == "first"
        assert len(node.state.instances) == 2
        assert (await typed(tmp_path, "models", "add", MODEL)).exit_code == 0
        assert node.state.models[MODEL].manifest.revision == "second"
