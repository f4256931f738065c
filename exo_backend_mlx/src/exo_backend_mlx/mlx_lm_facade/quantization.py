"""Quantized weights: which kinds are loaded, how their layers are made, and what they are as plain numbers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

import mlx.core as mx
from mlx import nn

from exo_backend_mlx.mlx_lm_facade.models import build_model, modules_of, parameters, put_weights, replace_modules
from exo_backend_mlx.model_config import Config
from exo_core.errors import ModelError, NotThereYet
from exo_core.frozen import JsonValue

_MICROSCALED: Mapping[str, Config] = {
    "mxfp4": {"group_size": 32, "bits": 4, "mode": "mxfp4"},
    "mxfp8": {"group_size": 32, "bits": 8, "mode": "mxfp8"},
}
"""By the `quant_method` of makers other than mlx-lm whose weights are laid out as mlx has them."""


def settings_of(config: Config) -> dict[str, JsonValue] | None:
    """How the weights are quantized, in mlx-lm's words; None: they are not.

    Raises `NotThereYet` for weights in the format of another library.
    """
    settings = config.get("quantization")
    if isinstance(settings, dict):
        return settings
    text = config.get("text_config")
    foreign = config.get("quantization_config") or (text.get("quantization_config") if isinstance(text, dict) else None)
    method = foreign.get("quant_method") if isinstance(foreign, dict) else foreign
    if method is not None and str(method) not in _MICROSCALED:
        message = f"weights quantized by '{method}' are not supported yet; take a version of the model made for MLX"
        raise NotThereYet(message)
    return _MICROSCALED[str(method)] if method is not None else None


def quantize(model: nn.Module, config: Config, weight_names: frozenset[str]) -> None:
    """Turn those linear layers into quantized ones whose weights are so, as mlx-lm's `load_model` does."""
    settings = settings_of(config)
    if settings is None:
        return

    def choose(path: str, module: nn.Module) -> bool | dict[str, Any]:
        own = settings.get(path)
        if isinstance(own, dict | bool):
            return cast("bool | dict[str, Any]", own)
        return hasattr(module, "to_quantized") and f"{path}.scales" in weight_names

    group_size, bits, mode = settings.get("group_size"), settings.get("bits"), settings.get("mode", "affine")
    if not isinstance(group_size, int) or not isinstance(bits, int) or not isinstance(mode, str):
        message = "the quantization of config.json lacks group_size, bits or mode"
        raise ModelError(message)
    try:
        cast("Any", nn).quantize(model, group_size=group_size, bits=bits, mode=mode, class_predicate=choose)
    except ValueError as error:  # a mode, width or group that this version of mlx does not have
        message = f"config.json asks for a quantization that the installed mlx does not have: {error}"
        raise ModelError(message) from error


def quantized_weights(model: nn.Module, config: Config, weights: Mapping[str, mx.array]) -> dict[str, mx.array]:
    """Plain weights as `config` wants them quantized; linear layers and embeddings whose width allows it."""
    settings = settings_of(config) or {}
    group = settings.get("group_size")
    width = group if isinstance(group, int) else 32
    put_weights(model, weights)
    divisible = (
        name.removesuffix("weight") + "scales" for name, value in weights.items() if value.shape[-1] % width == 0
    )
    quantize(model, config, frozenset(divisible))
    return parameters(model)


def dequantize(model: nn.Module, config: Config) -> None:
    """Put plain layers in the place of quantized ones, with weights of float32 that are not computed yet.

    A plain layer is taken from a second model of the same config, so this needs to know no kind of layer.
    """
    quantized = {path: module for path, module in modules_of(model).items() if "scales" in cast("Any", module)}
    if not quantized:
        return
    plain = modules_of(build_model(config))
    for path, module in quantized.items():
        target = cast("Any", plain[path])
        target.weight = _plain_weight(module)
        if "bias" in cast("Any", module):
            target.bias = cast("Any", module).bias
    replace_modules(model, {path: plain[path] for path in quantized})


def _plain_weight(module: nn.Module) -> mx.array:
    """What packed weights mean. Scales of half precision are widened first, so that nothing is rounded twice."""
    packed: Any = module
    scales, biases = packed.scales, packed.get("biases")
    if biases is not None:
        scales, biases = scales.astype(mx.float32), biases.astype(mx.float32)
    weight = mx.dequantize(
        packed.weight, scales, biases, group_size=packed.group_size, bits=packed.bits, mode=packed.mode
    )
    return weight.astype(mx.float32)
