"""A model's card, from its config and safetensors headers; no weights are read."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import cast

import mlx.core as mx

from exo_backend_mlx.adapter import read_adapter
from exo_backend_mlx.architectures import why_uncuttable
from exo_backend_mlx.checkpoint import described_tensors
from exo_backend_mlx.layer_caches.kinds import layer_cache
from exo_backend_mlx.mlx_lm_facade import models as mlx_lm
from exo_backend_mlx.mlx_lm_facade.models import Cache
from exo_backend_mlx.mlx_lm_facade.quantization import settings_of
from exo_backend_mlx.model_config import Config, context_length, hidden_size, read_config
from exo_backend_mlx.named_model import NamedModel, name_tensors
from exo_backend_mlx.preparation import prepare_mlx
from exo_core.cards import Card, Ends, ForbiddenCut, Sizes
from exo_core.errors import ModelError
from exo_core.identifiers import ModelId
from exo_core.model_files.safetensors_headers import SafetensorsFile, read_headers

_STORED = {"F32": mx.float32, "F16": mx.float16, "BF16": mx.bfloat16}


def describe_model(model_id: ModelId, folder: Path) -> Card:
    """The same card on every machine. Raises `ModelError`."""
    prepare_mlx()
    config = read_config(folder)
    files = read_headers(folder)
    adapter = read_adapter(folder, described_tensors)
    named = name_tensors(config, described_tensors(files), adapter=adapter)
    stored = _stored_type(files)
    sizes = _sizes(named, config, _STORED.get(stored, mx.float32))
    widened = _sizes(name_tensors(config, described_tensors(files), "float32", adapter), config, mx.float32)
    cuts, forbidden = _cuts(mlx_lm.architecture_of(config), named)
    return Card(
        **dict(sizes),
        model_id=model_id,
        architecture=mlx_lm.architecture_of(config),
        backends=("mlx",),
        layers=named.layers,
        cut_points=cuts,
        forbidden_cuts=forbidden,
        context=context_length(config),
        dtype=stored,
        quantization=_quantization(config),
        in_float32=widened if widened != sizes else None,
    )


def _sizes(named: NamedModel, config: Config, computed: mx.Dtype) -> Sizes:
    """Of the whole model, its hidden states being of type `computed`."""
    context = context_length(config)
    growth, fixed = zip(*(_cache_bytes(cache, context) for cache in _caches_after_a_token(named)), strict=True)
    return Sizes(
        layer_bytes=tuple(_bytes(named, names) for names in named.layer_names),
        ends=Ends(
            first_bytes=_bytes(named, named.first_names),
            last_bytes=_bytes(named, named.last_names),
            shared_bytes=_bytes(named, named.first_names & named.last_names),
        ),
        kv_bytes_per_token=growth,
        state_bytes=fixed,
        activation_bytes=hidden_size(config) * computed.size,
    )


def _bytes(named: NamedModel, names: Iterable[str]) -> int:
    return sum(named.weights[name].nbytes for name in names)


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
    sizes = layer_cache(cache).sizes()
    growth = sum(size.per_token for size in sizes if size.window is None)
    full = sum(size.per_token * min(size.window + size.ahead, context) for size in sizes if size.window is not None)
    return growth, full + sum(size.fixed for size in sizes)


def _stored_type(files: Sequence[SafetensorsFile]) -> str:
    """The type of most of the weights' numbers that are not packed, in safetensors' words."""
    sizes = Counter[str]()
    for file in files:
        for entry in file.tensors.values():
            if entry.dtype in _STORED:
                sizes[entry.dtype] += entry.size
    return sizes.most_common(1)[0][0] if sizes else "F32"


def _quantization(config: Config) -> str | None:
    """`4-bit`; with its name where it is none of whole numbers: `4-bit mxfp4`."""
    settings = settings_of(config)
    if settings is None:
        return None
    mode = settings.get("mode", "affine")
    return f"{settings.get('bits')}-bit{'' if mode == 'affine' else f' {mode}'}"
