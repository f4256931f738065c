"""Random models, each written once per test run."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from pathlib import Path

import pytest

from exo_backend_mlx.testing import write_random_model

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
