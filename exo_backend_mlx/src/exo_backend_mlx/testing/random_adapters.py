"""A random adapter beside a random model, as mlx-lm's trainer would have left it there."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any, Literal, cast

import mlx.core as mx

from exo_backend_mlx.adapter import ADAPTER_CONFIG
from exo_backend_mlx.checkpoint import lazy_tensors
from exo_backend_mlx.mlx_lm_facade import adapters
from exo_backend_mlx.model_config import read_config
from exo_backend_mlx.named_model import name_tensors
from exo_core.model_files.safetensors_headers import ADAPTER_WEIGHTS, read_headers


def with_random_adapter(
    model: Path,
    into: Path,
    *,
    kind: Literal["lora", "dora"] = "lora",
    num_layers: int = -1,
    keys: tuple[str, ...] | None = None,
) -> Path:
    """A copy of a model's folder with an adapter of rank 4; large enough to change greedy text."""
    shutil.copytree(model, into)
    lora: dict[str, Any] = {"rank": 4, "scale": 2.0, "dropout": 0.0} | ({"keys": list(keys)} if keys else {})
    named = name_tensors(read_config(into), lazy_tensors(read_headers(into)))
    tensors = adapters.random_adapter(
        named.model, num_layers=num_layers, parameters_of_lora=lora, dora=kind == "dora", key=mx.random.key(1)
    )
    cast("Any", mx).save_safetensors(str(into / ADAPTER_WEIGHTS), tensors)
    config = {"fine_tune_type": kind, "num_layers": num_layers, "lora_parameters": lora, "model": "a/base", "seed": 0}
    (into / ADAPTER_CONFIG).write_text(json.dumps(config))
    return into
