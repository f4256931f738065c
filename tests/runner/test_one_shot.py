"""Probe and describe run in processes of their own; whatever happens there comes back as a sentence."""

from __future__ import annotations

from pathlib import Path

import pytest

from exo_core.errors import ModelError, PluginError
from exo_core.identifiers import ModelId
from exo_core.plugins.manager import Plugins
from exo_core.runner.one_shot import choose_parts, describe, probe
from exo_core.testing import echo_plugin
from exo_core.testing.assignments import even_assignments
from exo_core.testing.echo_model import EchoConfig, write_echo_model


@pytest.fixture
def plugins() -> Plugins:
    return Plugins(built_in={"echo": echo_plugin})


async def test_probe(plugins: Plugins) -> None:
    assert (await probe(plugins, "echo")).usable


async def test_describe(plugins: Plugins, tmp_path: Path) -> None:
    card = await describe(plugins, "echo", ModelId("m"), write_echo_model(tmp_path, EchoConfig(layers=3)))
    assert (card.model_id, card.layers) == ("m", 3)


async def test_a_backend_that_does_not_choose_weights_reads_all(plugins: Plugins, tmp_path: Path) -> None:
    folder = write_echo_model(tmp_path, EchoConfig(layers=4))
    card = await describe(plugins, "echo", ModelId("m"), folder)
    (assignment, _) = even_assignments(card, 2, backend="echo")
    assert await choose_parts(plugins, assignment, folder) is None


async def test_a_folder_that_is_no_model(plugins: Plugins, tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="is no model"):
        await describe(plugins, "echo", ModelId("m"), tmp_path)


async def test_a_backend_that_is_not_installed(plugins: Plugins) -> None:
    with pytest.raises(PluginError, match="no backend named 'none'"):
        await probe(plugins, "none")


async def test_a_crash_is_a_sentence_with_last_words(plugins: Plugins, tmp_path: Path) -> None:
    folder = write_echo_model(tmp_path / "model", EchoConfig(fault="die_on_describe"))
    with pytest.raises(ModelError, match=r"ended with status 3; its last words: .*told to die"):
        await describe(plugins, "echo", ModelId("m"), folder, log=tmp_path / "log")


async def test_who_never_answers_is_ended(plugins: Plugins, tmp_path: Path) -> None:
    folder = write_echo_model(tmp_path / "model", EchoConfig(fault="hang_on_describe"))
    with pytest.raises(ModelError, match="no answer within 1 s"):
        await describe(plugins, "echo", ModelId("m"), folder, timeout=1.0)
