"""Which tensors of a checkpoint a stage reads, from the headers alone, so that a machine fetches no others."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import mlx.core as mx

from exo_backend_mlx.adapter import read_adapter
from exo_backend_mlx.checkpoint import described_tensors
from exo_backend_mlx.model_config import read_config
from exo_backend_mlx.named_model import NamedModel, check_range, name_tensors
from exo_backend_mlx.partial_model import LayerRange, layer_prefixes
from exo_backend_mlx.preparation import prepare_mlx
from exo_core.model_files.safetensors_headers import read_headers
from exo_core.sources import Part


def shard_parts(folder: Path, start: int, end: int) -> list[Part]:
    """The tensors that layers start … end - 1 are made of, by file. Raises `ModelError`."""
    prepare_mlx()
    files, config = read_headers(folder), read_config(folder)
    stored, adapter = described_tensors(files), read_adapter(folder, described_tensors)
    named = name_tensors(config, dict(stored), adapter=adapter)
    if adapter is not None:
        stored, files = {**stored, **adapter.tensors}, [*files, adapter.file]
    layers = LayerRange(start, end, named.layers)
    check_range(config, named, layers)
    needed = stored_names(stored, named, layers)
    return [Part(path=file.path.name, tensors=tuple(sorted(needed & file.tensors.keys()))) for file in files]


def stored_names(stored: Mapping[str, mx.array], named: NamedModel, layers: LayerRange) -> frozenset[str]:
    """Names, as the checkpoint has them, of what the weights of these layers are made of.

    Most weights are tensors of the checkpoint under another name: the very same objects. Others are put together from
    several (experts that are stacked, for instance): for these, every tensor of their layer that is no weight by itself
    is taken, and so is whatever of that kind stands outside the layers. Layers that the model has not are left out.
    """
    by_identity = {id(tensor): name for name, tensor in stored.items()}
    origins = {name: by_identity.get(id(weight)) for name, weight in named.weights.items()}
    wanted = named.names_of(layers)
    needed = {origin for name in wanted if (origin := origins[name]) is not None}
    made = [name for name in wanted if origins[name] is None]
    if made:
        trunk = layer_prefixes(named.model)[0].rpartition(".")[0] + "."
        regions = {_layer_of(name, trunk) for name in made} | {None}
        used = set(origins.values())
        needed |= {name for name in stored if name not in used and _layer_of(name, trunk) in regions}
    return frozenset(needed)


def _layer_of(name: str, trunk: str) -> int | None:
    """`language_model.model.layers.7.mlp.weight` with the trunk `model.layers.` is of layer 7."""
    _, found, rest = f".{name}".partition(f".{trunk}")
    index = rest.partition(".")[0]
    return int(index) if found and index.isdigit() else None
