"""Headers of safetensors files, good and bad; every refusal names the file."""

from __future__ import annotations

import json
import struct
from pathlib import Path

import pytest

from exo_core.errors import ModelError
from exo_core.model_files.safetensors_headers import MAX_HEADER_BYTES, read_header, weight_files

GOOD = {
    "__metadata__": {"format": "mlx"},
    "a": {"dtype": "F32", "shape": [2, 3], "data_offsets": [0, 24]},
    "b": {"dtype": "BF16", "shape": [], "data_offsets": [24, 26]},
}


def write(path: Path, header: object, data: bytes) -> Path:
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    path.write_bytes(struct.pack("<Q", len(text)) + text + data)
    return path


def test_names_types_shapes_and_places(tmp_path: Path) -> None:
    file = read_header(write(tmp_path / "model.safetensors", GOOD, bytes(26)))
    assert file.complete
    assert file.tensors["a"].shape == (2, 3)
    assert file.tensors["b"].dtype == "BF16"
    assert (file.tensors["a"].size, file.tensors["b"].size) == (24, 2)


def test_a_file_that_ends_after_its_header_is_described_but_not_complete(tmp_path: Path) -> None:
    file = read_header(write(tmp_path / "model.safetensors", GOOD, b""))
    assert not file.complete
    assert set(file.tensors) == {"a", "b"}


def entry(**changes: object) -> dict[str, object]:
    return {"a": {"dtype": "F32", "shape": [2, 3], "data_offsets": [0, 24]} | changes}


@pytest.mark.parametrize(
    ("header", "data", "words"),
    [
        (GOOD, bytes(25), "truncated"),
        (GOOD, bytes(27), "too long"),
        (b"{", bytes(24), "damaged"),
        (b"[]", bytes(24), "damaged"),
        (b"[" * 100_000, bytes(24), "damaged"),
        (b'{"a":' + b"[" * 100_000 + b"]" * 100_000 + b"}", bytes(24), "damaged"),
        (entry(shape=[2, -3]), bytes(24), "damaged"),
        (entry(shape=[2, 4]), bytes(24), "inconsistent at tensor a"),
        (entry(data_offsets=[4, 28]), bytes(28), "inconsistent at tensor a"),
        (entry(data_offsets=[24, 0]), bytes(24), "inconsistent at tensor a"),
        (entry(dtype="F3"), bytes(24), "unknown type F3"),
        (
            entry() | {"b": {"dtype": "U8", "shape": [9], "data_offsets": [20, 29]}},
            bytes(29),
            "inconsistent at tensor b",
        ),
    ],
)
def test_bad_files_are_refused_by_name(header: object, data: bytes, words: str, tmp_path: Path) -> None:
    path = write(tmp_path / "weights.safetensors", header, data)
    with pytest.raises(ModelError, match=words) as refused:
        read_header(path)
    assert str(path) in str(refused.value)


@pytest.mark.parametrize("content", [b"", b"\x05", struct.pack("<Q", 2**62), struct.pack("<Q", MAX_HEADER_BYTES + 1)])
def test_what_is_no_safetensors_file_is_refused(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "weights.safetensors"
    path.write_bytes(content)
    with pytest.raises(ModelError, match="not a safetensors file"):
        read_header(path)


def test_a_header_above_the_limit_is_not_read(tmp_path: Path) -> None:
    path = tmp_path / "weights.safetensors"
    with path.open("wb") as file:
        file.write(struct.pack("<Q", MAX_HEADER_BYTES + 1))
        file.truncate(MAX_HEADER_BYTES + 100)
    with pytest.raises(ModelError, match="not a safetensors file"):
        read_header(path)


def test_the_index_names_the_files(tmp_path: Path) -> None:
    index = tmp_path / "model.safetensors.index.json"
    index.write_text(
        json.dumps({"weight_map": {"a": "two.safetensors", "b": "one.safetensors", "c": "two.safetensors"}})
    )
    assert weight_files(tmp_path) == [tmp_path / "one.safetensors", tmp_path / "two.safetensors"]
    index.write_text(json.dumps({"weight_map": {"a": "../two.safetensors"}}))
    with pytest.raises(ModelError, match="outside its folder"):
        weight_files(tmp_path)
    index.write_text("{}")
    with pytest.raises(ModelError, match="not the index"):
        weight_files(tmp_path)
    index.write_text("[" * 100_000)
    with pytest.raises(ModelError, match="not the index"):
        weight_files(tmp_path)


def test_a_file_of_the_index_that_is_missing_is_named(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"part-2.safetensors cannot be read: No such file"):
        read_header(tmp_path / "part-2.safetensors")


def test_a_folder_without_weights_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"holds no .safetensors file"):
        weight_files(tmp_path)
