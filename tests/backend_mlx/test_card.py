"""Cards: sizes by arithmetic, from headers alone."""

from __future__ import annotations

import json
import shutil
import struct
from collections.abc import Callable
from pathlib import Path

import pytest

from exo_backend_mlx.card import describe_model
from exo_core.errors import ModelError, NotThereYet
from exo_core.identifiers import ModelId

ModelFolder = Callable[..., Path]
HIDDEN, VOCABULARY, LAYERS = 64, 384, 3
# Attention (q, o: 64 x 64; k, v: 64 x 32), feed-forward (three of 64 x 128), two norms.
LAYER_WEIGHTS = 2 * 64 * 64 + 2 * 64 * 32 + 3 * 64 * 128 + 2 * 64


def test_sizes_of_a_llama(model_folder: ModelFolder) -> None:
    card = describe_model(ModelId("org/llama"), model_folder(architecture="llama", layers=LAYERS))
    assert card.model_id == "org/llama"
    assert card.architecture == "llama"
    assert card.backends == ("mlx",)
    assert card.layer_bytes == (4 * LAYER_WEIGHTS,) * LAYERS
    assert card.ends.first_bytes == 4 * VOCABULARY * HIDDEN
    assert card.ends.last_bytes == 4 * (VOCABULARY * HIDDEN + HIDDEN)
    assert card.kv_bytes_per_token == (2 * 2 * 16 * 4,) * LAYERS
    assert card.state_bytes == (0,) * LAYERS
    assert card.activation_bytes == 4 * HIDDEN
    assert card.context == 512
    assert card.cut_points == (1, 2)
    assert card.forbidden_cuts == ()
    assert (card.dtype, card.quantization) == ("F32", None)


def test_a_tied_embedding_counts_for_both_ends(model_folder: ModelFolder) -> None:
    card = describe_model(ModelId("m"), model_folder(architecture="qwen3", layers=2))
    assert card.ends.first_bytes == 4 * VOCABULARY * HIDDEN
    assert card.ends.last_bytes == 4 * (VOCABULARY * HIDDEN + HIDDEN)
    assert card.ends.shared_bytes == 4 * VOCABULARY * HIDDEN
    assert card.weight_bytes == sum(card.layer_bytes) + card.ends.last_bytes, "a whole model holds it once"


def test_a_window_is_fixed_and_the_rest_grows(model_folder: ModelFolder) -> None:
    card = describe_model(ModelId("m"), model_folder(architecture="gemma3_text", layers=3))
    per_token = 2 * 2 * 16 * 4
    assert card.kv_bytes_per_token == (0, 0, per_token)
    assert card.state_bytes == (16 * per_token, 16 * per_token, 0)


def test_half_precision_doubles_where_it_is_computed_in_float32(model_folder: ModelFolder) -> None:
    half = describe_model(ModelId("m"), model_folder(architecture="llama", layers=LAYERS, stored="bfloat16"))
    assert (half.dtype, half.weight_kind) == ("BF16", "half")
    for card, size in ((half, 2), (half.computed_in("float32"), 4)):
        assert card.layer_bytes == (size * LAYER_WEIGHTS,) * LAYERS
        assert card.ends.first_bytes == size * VOCABULARY * HIDDEN
        assert card.kv_bytes_per_token == (2 * 2 * 16 * size,) * LAYERS
        assert card.activation_bytes == size * HIDDEN
    assert half.computed_in("stored") == half


def test_what_is_stored_in_float32_has_one_size(model_folder: ModelFolder) -> None:
    card = describe_model(ModelId("m"), model_folder(architecture="llama", layers=LAYERS))
    assert (card.in_float32, card.weight_kind) == (None, None)
    assert card.computed_in("float32") == card


def test_quantized_weights_are_counted_as_they_are(model_folder: ModelFolder) -> None:
    card = describe_model(ModelId("m"), model_folder(architecture="llama", layers=LAYERS, bits=4))
    # Half a byte per weight, and a float32 scale and bias for every 32 of them; norms stay as they are.
    matrices = LAYER_WEIGHTS - 2 * HIDDEN
    assert card.layer_bytes == (matrices // 2 + 8 * matrices // 32 + 4 * 2 * HIDDEN,) * LAYERS
    assert (card.quantization, card.weight_kind) == ("4-bit", "quantized")
    assert card.computed_in("float32").layer_bytes == (4 * LAYER_WEIGHTS,) * LAYERS
    assert card.computed_in("float32").ends.first_bytes == 4 * VOCABULARY * HIDDEN


def test_the_numbers_of_a_block_format_are_named(model_folder: ModelFolder) -> None:
    card = describe_model(ModelId("m"), model_folder(architecture="llama", layers=LAYERS, bits=8, mode="mxfp8"))
    matrices = LAYER_WEIGHTS - 2 * HIDDEN
    assert card.layer_bytes == (matrices + matrices // 32 + 4 * 2 * HIDDEN,) * LAYERS
    assert card.quantization == "8-bit mxfp8"


def test_headers_alone_are_enough(model_folder: ModelFolder, tmp_path: Path) -> None:
    whole = model_folder(architecture="llama", layers=LAYERS)
    folder = Path(shutil.copytree(whole, tmp_path / "headers"))
    weights = folder / "model.safetensors"
    content = weights.read_bytes()
    weights.write_bytes(content[: 8 + struct.unpack("<Q", content[:8])[0]])
    assert describe_model(ModelId("m"), folder) == describe_model(ModelId("m"), whole)


def changed(model: Path, folder: Path, **fields: object) -> Path:
    copied = Path(shutil.copytree(model, folder))
    config = json.loads((copied / "config.json").read_text()) | fields
    (copied / "config.json").write_text(json.dumps(config))
    return copied


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"model_type": "no_such_model"}, "cannot build the architecture 'no_such_model'"),
        ({"model_type": "olmo"}, "cannot build the architecture 'olmo'"),
        ({"model_type": "../evil"}, "names no model_type"),
        ({"model_type": None}, "names no model_type"),
        ({"hidden_size": 128}, "have another shape"),
        ({"num_hidden_layers": 4}, "are missing"),
        ({"num_hidden_layers": 2}, "are unknown"),
        ({"hidden_size": "large"}, "does not fit the architecture llama"),
        ({"model_file": "model.py"}, "code of its own"),
    ],
)
def test_a_config_that_does_not_fit_is_refused(
    model_folder: ModelFolder, tmp_path: Path, fields: dict[str, object], words: str
) -> None:
    folder = changed(model_folder(architecture="llama", layers=LAYERS), tmp_path / "model", **fields)
    with pytest.raises(ModelError, match=words):
        describe_model(ModelId("m"), folder)


@pytest.mark.parametrize("method", ["gptq", "awq", "bitsandbytes", "fp8", "compressed-tensors"])
@pytest.mark.parametrize("place", ["", "text_config"])
def test_quantization_by_others_is_not_there_yet(
    model_folder: ModelFolder, tmp_path: Path, method: str, place: str
) -> None:
    fields: dict[str, object] = {"quantization_config": {"quant_method": method, "bits": 4}}
    fields = {place: fields} if place else fields
    folder = changed(model_folder(architecture="llama", layers=LAYERS), tmp_path / "model", **fields)
    with pytest.raises(NotThereYet, match=f"quantized by '{method}' are not supported yet; take a version .* for MLX"):
        describe_model(ModelId("m"), folder)


def test_a_quantization_that_mlx_has_not_is_named(model_folder: ModelFolder, tmp_path: Path) -> None:
    fields = {"quantization": {"group_size": 32, "bits": 4, "mode": "fp1"}}
    folder = changed(model_folder(architecture="llama", layers=LAYERS, bits=4), tmp_path / "model", **fields)
    with pytest.raises(ModelError, match=r"a quantization that the installed mlx does not have: .*fp1"):
        describe_model(ModelId("m"), folder)


@pytest.mark.parametrize("content", ["{", "[]", "\xff"])
def test_a_broken_config_is_named(model_folder: ModelFolder, tmp_path: Path, content: str) -> None:
    folder = Path(shutil.copytree(model_folder(architecture="llama", layers=LAYERS), tmp_path / "model"))
    (folder / "config.json").write_text(content, encoding="latin-1")
    with pytest.raises(ModelError, match=r"config.json (is not valid JSON|does not hold a JSON object)"):
        describe_model(ModelId("m"), folder)


def test_truncated_weights_are_named(model_folder: ModelFolder, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(model_folder(architecture="llama", layers=LAYERS), tmp_path / "model"))
    weights = folder / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-1000])
    with pytest.raises(ModelError, match=r"model.safetensors is truncated"):
        describe_model(ModelId("m"), folder)
