"""A model's card, from its config and safetensors headers; no weights are read."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, cast

import mlx.core as mx

from exo_backend_mlx.architectures import why_uncuttable
from exo_backend_mlx.checkpoint import described_tensors
from exo_backend_mlx.loading import NamedModel, compute_dtype, computed_weights, name_tensors
from exo_backend_mlx.mlx_lm_facade import models as mlx_lm
from exo_backend_mlx.mlx_lm_facade.models import Cache
from exo_backend_mlx.model_config import Config, context_length, hidden_size, read_config
from exo_backend_mlx.preparation import prepare_mlx
from exo_core.cards import Card, Ends, ForbiddenCut
from exo_core.errors import ModelError
from exo_core.identifiers import ModelId
from exo_core.model_files.safetensors_headers import SafetensorsFile, read_headers

_STORED = {"F32": mx.float32, "F16": mx.float16, "BF16": mx.bfloat16}


def describe_model(model_id: ModelId, folder: Path) -> Card:
    """Sizes are those on this machine: on a CPU, weights of half precision take twice their bytes on disk.

    Raises `ModelError`.
    """
    prepare_mlx()
    config = read_config(folder)
    files = read_headers(folder)
    named = name_tensors(config, described_tensors(files))
    weights = computed_weights(named, named.weights)
    mlx_lm.put_weights(named.model, weights)
    context = context_length(config)
    growth, fixed = zip(*(_cache_bytes(cache, context) for cache in _caches_after_a_token(named)), strict=True)
    stored = _stored_type(files)
    cuts, forbidden = _cuts(mlx_lm.architecture_of(config), named)
    return Card(
        model_id=model_id,
        architecture=mlx_lm.architecture_of(config),
        backends=("mlx",),
        layers=named.layers,
        layer_bytes=tuple(_bytes(weights, names) for names in named.layer_names),
        ends=Ends(first_bytes=_bytes(weights, named.first_names), last_bytes=_bytes(weights, named.last_names)),
        kv_bytes_per_token=growth,
        state_bytes=fixed,
        cut_points=cuts,
        forbidden_cuts=forbidden,
        activation_bytes=hidden_size(config) * compute_dtype(_STORED.get(stored, mx.float32)).size,
        context=context,
        dtype=stored,
        quantization=_quantization(config),
    )


def _bytes(weights: dict[str, mx.array], names: Iterable[str]) -> int:
    return sum(weights[name].nbytes for name in names)


def _cuts(architecture: str, named: NamedModel) -> tuple[tuple[int, ...], tuple[ForbiddenCut, ...]]:
    if named.layout is None:
        return (), (ForbiddenCut(layer=None, reason=why_uncuttable(architecture)),)
    return tuple(range(1, named.layers)), ()


def _caches_after_a_token(named: NamedModel) -> Sequence[Cache]:
    """The caches as one token would leave them. mlx knows the shapes without computing anything."""
    caches = mlx_lm.make_caches(named.model)
    try:
        cast("mlx_lm.Model", named.model)(mx.zeros((1, 1), mx.int32), caches)
    except Exception as error:  # each architecture's own code, which expects a config that fits
        message = f"the model cannot be computed: {error}"
        raise ModelError(message) from error
    if len(caches) != named.layers:
        message = f"the model has {named.layers} layers and {len(caches)} caches, which exo cannot divide yet"
        raise ModelError(message)
    return caches


def _cache_bytes(cache: Cache, context: int) -> tuple[int, int]:
    """What a layer's cache grows by per token, and what it holds whatever the length.

    A cache that keeps a window only is counted as full from the start.
    """
    keys, values = cast("Any", getattr(cache, "keys", None)), cast("Any", getattr(cache, "values", None))
    if not isinstance(keys, mx.array) or not isinstance(values, mx.array):
        return 0, cache.nbytes
    per_token = keys.nbytes // keys.shape[-2] + values.nbytes // values.shape[-2]
    window = cast("int | None", getattr(cache, "max_size", None))
    return (per_token, 0) if window is None else (0, per_token * min(window, context))


def _stored_type(files: Sequence[SafetensorsFile]) -> str:
    """The type of most of the weights' numbers that are not packed, in safetensors' words."""
    sizes = Counter[str]()
    for file in files:
        for entry in file.tensors.values():
            if entry.dtype in _STORED:
                sizes[entry.dtype] += entry.size
    return sizes.most_common(1)[0][0] if sizes else "F32"


def _quantization(config: Config) -> str | None:
    settings = config.get("quantization")
    return f"{settings.get('bits')}-bit" if isinstance(settings, dict) else None
