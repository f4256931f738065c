"""A real node for clients that know nothing of exo, with the embedded model and random ones that call tools."""

from __future__ import annotations

from collections.abc import Iterator
from importlib import import_module
from pathlib import Path

import pytest

from exo_backend_mlx.testing.random_models import write_random_model
from exo_core.testing.node_process import NodeProcess

import_module("mlx_lm")  # sets a variable of the environment, which tests may not do while they run


@pytest.fixture(scope="session")
def node(tmp_path_factory: pytest.TempPathFactory) -> Iterator[NodeProcess]:
    """One for all clients; a model is placed when it is asked for."""
    started = NodeProcess(tmp_path_factory.mktemp("clients") / "alpha", "alpha").start()
    yield started
    started.kill()


@pytest.fixture(scope="session")
def caller(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A random model that calls tools as Qwen 3 does, and thinks if `opens_thought` is given to its template.

    Its context is short, so that nothing it says is endless.
    """
    folder: Path = tmp_path_factory.mktemp("models") / "caller"
    overrides = {"max_position_embeddings": 2048}
    return str(write_random_model(folder, architecture="qwen3", layers=2, chat="reserved", overrides=overrides))
