"""A model's tensors on disk, under the names its architecture has for them, without reading them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import cast

import mlx.core as mx

from exo_core.errors import ModelError
from exo_core.model_files.safetensors_headers import SafetensorsFile

_DTYPES: Mapping[str, mx.Dtype] = {
    "BOOL": mx.bool_, "U8": mx.uint8, "I8": mx.int8, "F8_E4M3": mx.uint8, "F8_E5M2": mx.uint8, "F8_E8M0": mx.uint8,
    "U16": mx.uint16, "I16": mx.int16, "F16": mx.float16, "BF16": mx.bfloat16, "U32": mx.uint32, "I32": mx.int32,
    "F32": mx.float32, "U64": mx.uint64, "I64": mx.int64, "F64": mx.float32, "C64": mx.complex64,
}  # fmt: skip


def lazy_tensors(files: Sequence[SafetensorsFile]) -> dict[str, mx.array]:
    """Every tensor of complete files. Bytes are read when a tensor is computed, and only its own."""
    tensors: dict[str, mx.array] = {}
    for file in files:
        if not file.complete:
            message = f"{file.path} holds no weights, only their description. Fetch the model again"
            raise ModelError(message)
        tensors.update(_open(file.path))
    return tensors


def described_tensors(files: Sequence[SafetensorsFile]) -> dict[str, mx.array]:
    """Lazy zeros of the tensors' shapes and types, for what depends on these alone. They must not be computed."""
    return {name: mx.zeros(entry.shape, _DTYPES[entry.dtype]) for file in files for name, entry in file.tensors.items()}


def _open(path: Path) -> dict[str, mx.array]:
    try:
        return cast("dict[str, mx.array]", mx.load(str(path), format="safetensors"))
    except RuntimeError as error:
        message = f"{path} cannot be read: {error}. Fetch the model again"
        raise ModelError(message) from error
