"""A model with all its weights under their own names, none of them read yet: whose is which?"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import mlx.core as mx
from mlx import nn

from exo_backend_mlx.adapter import Adapter
from exo_backend_mlx.architectures import Layout, proven, why_uncuttable
from exo_backend_mlx.mlx_lm_facade import adapters, quantization
from exo_backend_mlx.mlx_lm_facade import models as mlx_lm
from exo_backend_mlx.model_config import Config
from exo_backend_mlx.partial_model import LayerRange, end_names, layer_prefixes
from exo_core.cards import ComputeType
from exo_core.errors import ModelError


@dataclass(frozen=True)
class NamedModel:
    """A model with lazy weights under its own names. `layer_names[i]` are those of layer i."""

    model: nn.Module
    layout: Layout | None
    weights: Mapping[str, mx.array]
    layer_names: tuple[frozenset[str], ...]
    first_names: frozenset[str]
    last_names: frozenset[str]

    @property
    def layers(self) -> int:
        """How many layers the whole model has."""
        return len(self.layer_names)

    def names_of(self, layers: LayerRange) -> frozenset[str]:
        """The weights that a stage holds."""
        first = self.first_names if layers.is_first else frozenset[str]()
        last = self.last_names if layers.is_last else frozenset[str]()
        return first.union(last, *self.layer_names[layers.start : layers.end])


def name_tensors(
    config: Config,
    tensors: dict[str, mx.array],
    compute_type: ComputeType = "stored",
    adapter: Adapter | None = None,
) -> NamedModel:
    """Build the model of a config and sort a checkpoint's tensors into its layers and ends. Raises `ModelError`.

    In the type `float32` quantized layers become plain ones, all weights float32, and an adapter is added to them; as
    stored it stays beside them, as in mlx-lm, for packed weights could not take it up without a loss.
    """
    quantization.settings_of(config)
    architecture = mlx_lm.architecture_of(config)
    model = mlx_lm.build_model(config)
    weights = mlx_lm.sanitize(model, tensors)
    quantization.quantize(model, config, frozenset(weights))
    mlx_lm.check_weights(model, weights)
    mlx_lm.put_weights(model, weights)
    if compute_type == "float32":
        _widen(model, config)
    if adapter is not None:
        _adapt(model, adapter, compute_type)
    return _sorted(model, proven(architecture).cut)


def check_range(config: Config, named: NamedModel, layers: LayerRange) -> None:
    """Raise `ModelError` unless a stage can hold these layers."""
    whole = layers.is_first and layers.is_last
    if not 0 <= layers.start < layers.end <= layers.layers:
        message = f"layers {layers.start} to {layers.end} were asked of a model that has {layers.layers}"
        raise ModelError(message)
    if named.layout is None and not whole:
        raise ModelError(why_uncuttable(mlx_lm.architecture_of(config)))


def _adapt(model: nn.Module, adapter: Adapter, compute_type: ComputeType) -> None:
    widened = {name: tensor.astype(mx.float32) for name, tensor in adapter.tensors.items()}
    adapters.put_adapter(
        model,
        num_layers=adapter.config.num_layers,
        parameters_of_lora=adapter.config.lora_parameters.model_dump(),
        dora=adapter.config.fine_tune_type == "dora",
        tensors=widened if compute_type == "float32" else adapter.tensors,
    )
    if compute_type == "float32":
        adapters.fuse_adapter(model)


def _widen(model: nn.Module, config: Config) -> None:
    quantization.dequantize(model, config)
    weights = mlx_lm.parameters(model).items()
    half = {name: weight for name, weight in weights if weight.dtype in (mx.float16, mx.bfloat16)}
    mlx_lm.put_weights(model, {name: weight.astype(mx.float32) for name, weight in half.items()})


def _sorted(model: nn.Module, layout: Layout | None) -> NamedModel:
    weights = mlx_lm.parameters(model)
    prefixes = tuple(prefix + "." for prefix in layer_prefixes(model))
    layer_names = tuple(frozenset(name for name in weights if name.startswith(prefix)) for prefix in prefixes)
    outside = frozenset(weights).difference(*layer_names)
    first, last = end_names(model, layout) if layout is not None else (outside, frozenset[str]())
    return NamedModel(model, layout, weights, layer_names, first, last)
