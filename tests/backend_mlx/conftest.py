"""Random models, each written once per test run."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from pathlib import Path

import pytest

from exo_backend_mlx.loading import load_stage
from exo_backend_mlx.stage import MlxStage
from exo_backend_mlx.testing.random_models import write_random_model

import_module("mlx_lm")  # sets a variable of the environment, which tests may not do while they run

ModelFolder = Callable[..., Path]


@pytest.fixture(scope="session")
def model_folder(tmp_path_factory: pytest.TempPathFactory) -> ModelFolder:
    """`model_folder(architecture="qwen3", layers=4)`: the same arguments give the same folder."""
    written: dict[str, Path] = {}

    def write(**arguments: object) -> Path:
        key = repr(sorted(arguments.items()))
        if key not in written:
            written[key] = write_random_model(tmp_path_factory.mktemp("model"), **arguments)  # pyright: ignore[reportArgumentType] — passed on
        return written[key]

    return write


@pytest.fixture(scope="module")
def folder(model_folder: ModelFolder) -> Path:
    """A model of two layers."""
    return model_folder(architecture="qwen3", layers=2)


@pytest.fixture(scope="module")
def loaded(folder: Path) -> MlxStage:
    """All of it, loaded once; `stage` has it without anything that an earlier test left."""
    return load_stage(folder, 0, 2)


@pytest.fixture
def stage(loaded: MlxStage) -> MlxStage:
    """All of `folder`'s model, with no sequence open."""
    loaded.clear()
    return loaded
