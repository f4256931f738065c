"""Probe and describe run in processes of their own; whatever happens there comes back as a sentence."""

from __future__ import annotations

from pathlib import Path

import pytest

from exo_core.errors import ModelError, PluginError
from exo_core.identifiers import ModelId
from exo_core.plugins.manager import Plugins
from exo_core.runner.one_shot import describe, probe
from exo_core.testing import echo_plugin
from exo_core.testing.echo_model import EchoConfig, write_echo_model


@pytest.fixture
def plugins() -> Plugins:
    return Plugins(built_in={"echo": echo_plugin})


async def test_probe(plugins: Plugins) -> None:
    assert (await probe(plugins, "echo")).usable


async def test_describe(plugins: Plugins, tmp_path: Path) -> None:
    card = await describe(plugins, "echo", ModelId("m"), write_echo_model(tmp_path, EchoConfig(layers=3)))
    assert (card.model_id, card.layers) == ("m", 3)


async def test_a_folder_that_is_no_model(plugins: Plugins, tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="is no model"):
        await describe(plugins, "echo", ModelId("m"), tmp_path)


async def test_a_backend_that_is_not_installed(plugins: Plugins) -> None:
    with pytest.raises(PluginError, match="no backend named 'none'"):
        await probe(plugins, "none")
