"""How a stage gets its weights: the model is built, its tensors found on disk, and only the stage's own are read."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

import mlx.core as mx
from mlx import nn

from exo_backend_mlx.activations import activation_type
from exo_backend_mlx.architectures import PROVEN, Layout, why_uncuttable
from exo_backend_mlx.checkpoint import lazy_tensors
from exo_backend_mlx.evaluation import evaluate
from exo_backend_mlx.mlx_lm_facade import models as mlx_lm
from exo_backend_mlx.model_config import Config, end_token_ids, hidden_size, read_config
from exo_backend_mlx.partial_model import LayerRange, PartialModel, end_names, layer_prefixes
from exo_backend_mlx.preparation import computes_on_cpu, prepare_mlx
from exo_backend_mlx.stage import MlxStage, StageFacts
from exo_core.errors import ModelError
from exo_core.model_files.safetensors_headers import read_headers

BytesRead = Callable[[int, int], None]
"""Told (bytes read so far, bytes in all)."""

_READ_AT_ONCE = 64 * 1024 * 1024


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


def compute_dtype(stored: mx.Dtype) -> mx.Dtype:
    """What weights stored so are computed in: mlx's CPU code is fast in float32 only."""
    return mx.float32 if computes_on_cpu() and mx.issubdtype(stored, mx.floating) else stored


def load_stage(folder: Path, start: int, end: int, *, on_read: BytesRead | None = None) -> MlxStage:
    """Layers start … end - 1 of the model in `folder`, weights read and in memory. Raises `ModelError`."""
    prepare_mlx()
    config = read_config(folder)
    named = name_tensors(config, lazy_tensors(read_headers(folder)))
    layers = LayerRange(start, end, named.layers)
    check_range(config, named, layers)
    weights = computed_weights(named, named.names_of(layers))
    mlx_lm.put_weights(named.model, weights)
    partial = PartialModel(named.model, named.layout, layers)
    _read(weights, on_read or (lambda done, total: None))
    facts = StageFacts(
        layers=layers,
        hidden_size=hidden_size(config),
        activation_type=activation_type(weights.values()),
        end_token_ids=end_token_ids(folder, config),
    )
    return MlxStage(partial, facts)


def name_tensors(config: Config, tensors: dict[str, mx.array]) -> NamedModel:
    """Build the model of a config and sort a checkpoint's tensors into its layers and ends. Raises `ModelError`."""
    mlx_lm.refuse_foreign_quantization(config)
    architecture = mlx_lm.architecture_of(config)
    model = mlx_lm.build_model(config)
    weights = mlx_lm.sanitize(model, tensors)
    mlx_lm.quantize(model, config, frozenset(weights))
    mlx_lm.check_weights(model, weights)
    layout = PROVEN.get(architecture)
    prefixes = tuple(prefix + "." for prefix in layer_prefixes(model))
    layer_names = tuple(frozenset(name for name in weights if name.startswith(prefix)) for prefix in prefixes)
    outside = frozenset(weights).difference(*layer_names)
    first, last = end_names(model, layout) if layout is not None else (outside, frozenset[str]())
    return NamedModel(model, layout, weights, layer_names, first, last)


def check_range(config: Config, named: NamedModel, layers: LayerRange) -> None:
    """Raise `ModelError` unless a stage can hold these layers."""
    whole = layers.is_first and layers.is_last
    if not 0 <= layers.start < layers.end <= layers.layers:
        message = f"layers {layers.start} to {layers.end} were asked of a model that has {layers.layers}"
        raise ModelError(message)
    if named.layout is None and not whole:
        raise ModelError(why_uncuttable(mlx_lm.architecture_of(config)))


def computed_weights(named: NamedModel, names: Iterable[str]) -> dict[str, mx.array]:
    """Lazy weights in the type they are computed in."""
    return {name: _computed(named.weights[name]) for name in sorted(names)}


def _computed(weight: mx.array) -> mx.array:
    dtype = compute_dtype(weight.dtype)
    return weight if weight.dtype == dtype else weight.astype(dtype)


def _read(weights: Mapping[str, mx.array], on_read: BytesRead) -> None:
    """Compute the weights, some at a time so that what is read and what it is turned into never doubles all of it."""
    total, done, group = sum(weight.nbytes for weight in weights.values()), 0, list[mx.array]()
    on_read(0, total)
    for index, weight in enumerate(weights.values(), start=1):
        group.append(weight)
        if index == len(weights) or sum(member.nbytes for member in group) >= _READ_AT_ONCE:
            evaluate(group)
            done += sum(member.nbytes for member in group)
            group = []
            on_read(done, total)
