"""Low-rank adapters (LoRA, DoRA): their layers put around a model's own, as mlx-lm does, or made one with them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

import mlx.core as mx
from mlx import nn

from exo_backend_mlx.mlx_lm_facade.models import modules_of, parameters, put_weights, replace_modules
from exo_core.errors import ModelError

_LEAVES = ("lora_a", "lora_b", "m")


def put_adapter(
    model: nn.Module,
    *,
    num_layers: int,
    parameters_of_lora: Mapping[str, Any],
    dora: bool,
    tensors: Mapping[str, mx.array],
) -> None:
    """Wrap the layers that the adapter changes and give them its weights. Raises `ModelError` unless all fit."""
    from mlx_lm.tuner import utils

    try:
        cast("Any", utils).linear_to_lora_layers(model, num_layers, dict(parameters_of_lora), use_dora=dora)
    except (ValueError, KeyError) as error:
        message = f"the adapter does not fit the model: {error}"
        raise ModelError(message) from error
    _check(model, tensors)
    put_weights(model, tensors)


def fuse_adapter(model: nn.Module) -> None:
    """Add the adapter's product to the plain weights under it (not computed yet) and take its layers away again."""
    modules = modules_of(model).items()
    fused = {path: cast("nn.Module", cast("Any", module).fuse()) for path, module in modules if hasattr(module, "fuse")}
    replace_modules(model, fused)


def random_adapter(
    model: nn.Module, *, num_layers: int, parameters_of_lora: Mapping[str, Any], dora: bool, key: mx.array
) -> dict[str, mx.array]:
    """Weights of an adapter for a model, which gets its layers; for tests."""
    from mlx_lm.tuner import utils

    cast("Any", utils).linear_to_lora_layers(model, num_layers, dict(parameters_of_lora), use_dora=dora)
    own = {name: value for name, value in parameters(model).items() if name.rpartition(".")[2] in _LEAVES}
    keys = mx.random.split(key, len(own) + 1)
    noise = {name: mx.random.normal(own[name].shape, key=keys[index]) for index, name in enumerate(sorted(own))}
    return {name: 1 + 0.2 * value if name.endswith(".m") else 0.2 * value for name, value in noise.items()}


def _check(model: nn.Module, tensors: Mapping[str, mx.array]) -> None:
    own = {name: value for name, value in parameters(model).items() if name.rpartition(".")[2] in _LEAVES}
    wrong = sorted(
        name
        for name in own.keys() | tensors.keys()
        if name not in own or name not in tensors or own[name].shape != tensors[name].shape
    )
    if wrong:
        message = f"the adapter does not fit the model: {len(wrong)} tensors differ, {wrong[0]} for instance"
        raise ModelError(message)
