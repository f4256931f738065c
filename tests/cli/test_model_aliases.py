"""`exo models alias` against a node's real control socket."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from exo_core.cli import exo
from exo_core.control_socket.operations import LocalOperations
from exo_core.control_socket.server import serving
from exo_core.identifiers import ModelId
from exo_core.node.home import Home
from exo_core.state.aliases import aliases
from exo_core.state.events import ModelAdded
from exo_core.testing.models import model_with_layers
from exo_http.testing.scripted_node import ScriptedNode


@pytest.fixture
async def node(tmp_path: Path) -> AsyncGenerator[ScriptedNode]:
    """With one model, behind the socket of `tmp_path`."""
    node = ScriptedNode()
    manifest, card = model_with_layers(ModelId("org/m"), 2)
    node.record(ModelAdded(manifest=manifest, card=card))
    async with serving(Home(tmp_path).socket, LocalOperations(node)):
        yield node


async def typed(home: Path, *words: str) -> Result:
    """What the command says."""
    return await asyncio.to_thread(CliRunner().invoke, exo, ["models", *words, "--home", str(home)])


async def test_a_name_is_given_shown_changed_and_taken_back(tmp_path: Path, node: ScriptedNode) -> None:
    assert (await typed(tmp_path, "alias", "fast", "org/m")).output == "fast stands for org/m\n"
    assert aliases(node.state) == {"fast": "org/m"}
    assert "org/m = fast" in (await typed(tmp_path, "list")).output
    assert "stands for nothing" in (await typed(tmp_path, "alias", "fast", "--remove")).output
    assert aliases(node.state) == {}
    assert node.log.length == 3


@pytest.mark.parametrize(
    ("words", "status", "hint"),
    [
        (["fast"], 2, "--remove"),
        (["fast", "org/m", "--remove"], 2, "--remove"),
        (["fast", "nobody/has-this"], 1, "exo models add nobody/has-this"),
        (["org/m", "org/m"], 1, "is a model itself"),
        (["-x y", "org/m"], 2, ""),
        ([" fast", "org/m"], 2, "begins with a letter"),
        (["a" * 101, "org/m"], 2, "begins with a letter"),
    ],
)
async def test_wrong_words_change_nothing(
    tmp_path: Path, node: ScriptedNode, words: list[str], status: int, hint: str
) -> None:
    result = await typed(tmp_path, "alias", *words)
    assert result.exit_code == status, result.output
    assert hint in result.output
    assert node.log.length == 1
