"""How a stage gets its weights: the model is built, its tensors found on disk, and only the stage's own are read."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

import mlx.core as mx

from exo_backend_mlx.activations import activation_type
from exo_backend_mlx.adapter import read_adapter
from exo_backend_mlx.checkpoint import lazy_tensors
from exo_backend_mlx.evaluation import evaluate
from exo_backend_mlx.few_rows import cut_products, pieces_pay
from exo_backend_mlx.model_config import end_token_ids, hidden_size, read_config
from exo_backend_mlx.named_model import check_range, name_tensors
from exo_backend_mlx.partial_model import LayerRange, PartialModel
from exo_backend_mlx.preparation import prepare_mlx
from exo_backend_mlx.stage import MlxStage, StageFacts
from exo_core.cards import ComputeType
from exo_core.model_files.safetensors_headers import read_headers

BytesRead = Callable[[int, int], None]
"""Told (bytes read so far, bytes in all)."""

_READ_AT_ONCE = 64 * 1024 * 1024


def load_stage(
    folder: Path,
    start: int,
    end: int,
    *,
    compute_type: ComputeType = "stored",
    on_read: BytesRead | None = None,
) -> MlxStage:
    """Layers start … end - 1 of the model in `folder`, weights read and in memory. Raises `ModelError`."""
    prepare_mlx()
    config = read_config(folder)
    adapter = read_adapter(folder, lazy_tensors)
    named = name_tensors(config, lazy_tensors(read_headers(folder)), compute_type, adapter)
    layers = LayerRange(start, end, named.layers)
    check_range(config, named, layers)
    weights = {name: named.weights[name] for name in sorted(named.names_of(layers))}
    if pieces_pay():
        cut_products(named.model)
    partial = PartialModel(named.model, named.layout, layers)
    _read(weights, on_read or (lambda done, total: None))
    facts = StageFacts(
        layers=layers,
        hidden_size=hidden_size(config),
        activation_type=activation_type(weights.values()),
        end_token_ids=end_token_ids(folder, config),
    )
    return MlxStage(partial, facts)


def _read(weights: Mapping[str, mx.array], on_read: BytesRead) -> None:
    """Compute the weights, some at a time so that what is read and what it is turned into never doubles all of it."""
    total, done, group = sum(weight.nbytes for weight in weights.values()), 0, list[mx.array]()
    on_read(0, total)
    for index, weight in enumerate(weights.values(), start=1):
        group.append(weight)
        if index == len(weights) or sum(member.nbytes for member in group) >= _READ_AT_ONCE:
            evaluate(group)
            mx.clear_cache()
            done += sum(member.nbytes for member in group)
            group = []
            on_read(done, total)
