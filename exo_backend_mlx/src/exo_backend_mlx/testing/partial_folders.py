"""A model's folder in which only the weights of one stage are there: what a stage computes from it needs no others."""

from __future__ import annotations

import shutil
from pathlib import Path

from exo_backend_mlx.shard_parts import shard_parts
from exo_core.model_files.safetensors_headers import read_header


def with_parts_of(folder: Path, into: Path, start: int, end: int) -> Path:
    """A copy of the model in which every bit of the weights that a stage does not read is 1."""
    shutil.copytree(folder, into, ignore=shutil.ignore_patterns("*.safetensors"), dirs_exist_ok=True)
    for part in shard_parts(folder, start, end):
        described, content = read_header(folder / part.path), (folder / part.path).read_bytes()
        copy = bytearray(content[: described.data_start] + b"\xff" * (len(content) - described.data_start))
        for name in part.tensors or ():
            first, last = described.range_of(name)
            copy[first:last] = content[first:last]
        (into / part.path).write_bytes(copy)
    return into
