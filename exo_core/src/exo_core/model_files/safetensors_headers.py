"""Which tensors lie where in a model's safetensors files, from their headers alone.

The format (Hugging Face, safetensors 0.4): eight bytes with the header's length, the header as JSON, then the tensors
one after the other without gaps. Files come from strangers: sizes are checked before anything is allocated, and every
error names the file.
"""

from __future__ import annotations

import json
import math
import struct
from collections.abc import Sequence
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from exo_core.errors import ModelError
from exo_core.frozen import Count
from exo_core.model_files.byte_ranges import ByteRange

MAX_HEADER_BYTES = 8 * 1024 * 1024
ITEM_BYTES = {
    "BOOL": 1, "U8": 1, "I8": 1, "F8_E4M3": 1, "F8_E5M2": 1, "F8_E8M0": 1, "U16": 2, "I16": 2, "F16": 2, "BF16": 2,
    "U32": 4, "I32": 4, "F32": 4, "U64": 8, "I64": 8, "F64": 8, "C64": 8,
}  # fmt: skip


class TensorEntry(BaseModel):
    """One tensor: its type in safetensors' words, its shape, and its bytes counted from the end of the header."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    dtype: str
    shape: tuple[Count, ...] = Field(max_length=16)
    data_offsets: tuple[Count, Count]

    @property
    def size(self) -> int:
        """Bytes in the file."""
        return self.data_offsets[1] - self.data_offsets[0]


class SafetensorsFile(BaseModel):
    """A file's tensors by name. `complete` is False for a file that ends after its header (weights not fetched)."""

    model_config = ConfigDict(frozen=True)

    path: Path
    tensors: dict[str, TensorEntry]
    complete: bool
    data_start: Count
    """Where the header ends and the first tensor begins, in the file."""

    def range_of(self, name: str) -> ByteRange:
        """Where a tensor's bytes are in the file. Raises `KeyError` when it has none of that name."""
        first, end = self.tensors[name].data_offsets
        return ByteRange(self.data_start + first, self.data_start + end)


_HEADER = TypeAdapter(dict[str, TensorEntry])


ADAPTER_WEIGHTS = "adapters.safetensors"
"""What mlx-lm calls the weights of an adapter, which may lie beside the model's own."""


def weight_files(folder: Path) -> list[Path]:
    """The safetensors files of a model: those its index names, else `model*.safetensors`, else all but an adapter's."""
    index = folder / "model.safetensors.index.json"
    if index.exists():
        return [folder / name for name in _indexed_names(index)]
    others = (path for path in sorted(folder.glob("*.safetensors")) if path.name != ADAPTER_WEIGHTS)
    files = sorted(folder.glob("model*.safetensors")) or list(others)
    if not files:
        message = f"{folder} holds no .safetensors file: its weights are missing or in another format"
        raise ModelError(message)
    return files


def read_headers(folder: Path) -> list[SafetensorsFile]:
    """The headers of all weight files of a model. Raises `ModelError`."""
    return [read_header(path) for path in weight_files(folder)]


def read_header(path: Path) -> SafetensorsFile:
    """One file's header, checked against the file's size. Raises `ModelError`."""
    try:
        size = path.stat().st_size
        with path.open("rb") as file:
            length = _header_length(path, file.read(8), size)
            text = file.read(length)
    except OSError as error:
        message = f"{path} cannot be read: {error.strerror}. Fetch the model again"
        raise ModelError(message) from error
    tensors = _parse(path, text)
    end = _check_layout(path, tensors)
    available = size - 8 - length
    if available not in (0, end):
        word = "truncated" if available < end else "too long"
        message = f"{path} is {word}: its tensors take {end} bytes, it has {available}. Fetch the model again"
        raise ModelError(message)
    return SafetensorsFile(path=path, tensors=tensors, complete=available == end, data_start=8 + length)


def header_length(path: Path) -> int:
    """How long the header of a file is, which follows its first eight bytes. Raises `ModelError` and `OSError`."""
    with path.open("rb") as file:
        return _header_length(path, file.read(8), path.stat().st_size)


def _indexed_names(index: Path) -> Sequence[str]:
    try:
        names = TypeAdapter(dict[str, str]).validate_python(json.loads(index.read_bytes())["weight_map"]).values()
    except (OSError, ValueError, KeyError, TypeError, RecursionError) as error:
        message = f"{index} is not the index of a model's weights: {error}"
        raise ModelError(message) from error
    outside = [name for name in names if Path(name).name != name]
    if outside:
        message = f"{index} names a file outside its folder: {outside[0]}"
        raise ModelError(message)
    return sorted(set(names))


def _header_length(path: Path, prefix: bytes, size: int) -> int:
    length = struct.unpack("<Q", prefix)[0] if len(prefix) == 8 else -1
    if not 2 <= length <= min(MAX_HEADER_BYTES, size - 8):
        message = f"{path} is not a safetensors file, or its beginning is damaged. Fetch the model again"
        raise ModelError(message)
    return length


def _parse(path: Path, text: bytes) -> dict[str, TensorEntry]:
    try:
        content = json.loads(text)
        if isinstance(content, dict):
            content.pop("__metadata__", None)  # pyright: ignore[reportUnknownMemberType] — validated on the next line
        return _HEADER.validate_python(content)
    except (ValidationError, ValueError, RecursionError) as error:
        message = f"the header of {path} is damaged: {str(error).splitlines()[0]}. Fetch the model again"
        raise ModelError(message) from error


def _check_layout(path: Path, tensors: dict[str, TensorEntry]) -> int:
    """Every tensor has the size its shape asks for and they follow one another; gives where the last ends."""
    end = 0
    for name, tensor in sorted(tensors.items(), key=lambda item: item[1].data_offsets):
        expected = math.prod(tensor.shape) * ITEM_BYTES.get(tensor.dtype, 0)
        if tensor.dtype not in ITEM_BYTES:
            message = f"{path} holds tensor {name} of the unknown type {tensor.dtype}"
            raise ModelError(message)
        if tensor.data_offsets[0] != end or tensor.size != expected:
            message = f"the header of {path} is inconsistent at tensor {name}. Fetch the model again"
            raise ModelError(message)
        end = tensor.data_offsets[1]
    return end
