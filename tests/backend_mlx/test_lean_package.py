"""Whoever looks at a model imports no more of mlx_lm than that model: the rest costs seconds in every process."""

from __future__ import annotations

import pkgutil
import subprocess
import sys
from importlib import import_module
from pathlib import Path
from typing import Any, cast

import pytest

from exo_backend_mlx.mlx_lm_facade.models import architecture_of
from exo_backend_mlx.mlx_lm_facade.module_names import is_own_name
from exo_core.errors import ModelError

DESCRIBE = """
import sys
from pathlib import Path
from exo_backend_mlx.card import describe_model
from exo_core.identifiers import ModelId
print(describe_model(ModelId("m"), Path(sys.argv[1])).architecture)
print([name for name in ("transformers", "huggingface_hub", "mlx_lm.utils") if name in sys.modules])
import mlx_lm
print(mlx_lm.generate.__module__, mlx_lm.load.__module__, "transformers" in sys.modules, hasattr(mlx_lm, "nonsense"))
"""


def test_a_description_imports_only_the_model_and_the_rest_comes_when_it_is_asked_for(folder: Path) -> None:
    ran = subprocess.run([sys.executable, "-c", DESCRIBE, str(folder)], capture_output=True, text=True, check=True)
    assert ran.stdout.splitlines() == ["qwen3", "[]", "mlx_lm.generate mlx_lm.utils True False"]
    assert ran.stderr == "", "transformers says nothing of PyTorch"


def test_a_name_that_mlx_lm_means_another_module_by_is_looked_up_there() -> None:
    utils = cast("Any", import_module("mlx_lm.utils"))
    renamed = {*utils.MODEL_REMAPPING, *(name for name, _ in utils.MODEL_ARCHITECTURE_REMAPPING)}
    assert renamed
    assert not any(map(is_own_name, renamed))
    assert is_own_name("llama")
    modules = {module.name for module in pkgutil.iter_modules(import_module("mlx_lm.models").__path__)}
    assert sum(map(is_own_name, modules)) > 0.9 * len(modules)


@pytest.mark.parametrize("config", [{"model_type": "mistral"}, {"model_type": "qwen3"}, {"model_type": "llava"}])
def test_the_module_is_the_one_that_mlx_lm_would_take(config: dict[str, Any]) -> None:
    model, _ = cast("Any", import_module("mlx_lm.utils"))._get_classes(config)
    assert f"mlx_lm.models.{architecture_of(config)}" == model.__module__


@pytest.mark.parametrize("name", ["nobody_has_this", "not-a.module"])
def test_what_no_module_is_for_is_an_error_with_its_remedy(name: str) -> None:
    with pytest.raises(ModelError, match=f"cannot build the architecture '{name}'. Update it: uv sync -U"):
        architecture_of({"model_type": name})
