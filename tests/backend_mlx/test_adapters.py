"""Adapters load as in mlx-lm, split bit for bit, and are read by the stages that they concern."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, cast

import mlx.core as mx
import pytest

from exo_backend_mlx.adapter import ADAPTER_CONFIG
from exo_backend_mlx.card import describe_model
from exo_backend_mlx.loading import load_stage
from exo_backend_mlx.mlx_lm_facade import models
from exo_backend_mlx.shard_parts import shard_parts
from exo_backend_mlx.testing.partial_folders import with_parts_of
from exo_backend_mlx.testing.random_adapters import with_random_adapter
from exo_backend_mlx.testing.step_by_hand import run_stages
from exo_core.cards import ComputeType
from exo_core.errors import ModelError, NotThereYet
from exo_core.identifiers import ModelId
from exo_core.model_files.safetensors_headers import ADAPTER_WEIGHTS
from exo_core.placement_rules.memory_needs import range_bytes

ModelFolder = Callable[..., Path]
LAYERS, TOKENS, CHUNK = 4, 12, 13
PROMPT = range(5, 25)
ADAPTED: Mapping[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "llama, LoRA": ({"architecture": "llama"}, {}),
    "llama of 4 bits, LoRA on two layers": ({"architecture": "llama", "bits": 4}, {"num_layers": 2}),
    "llama of 8 bits, DoRA": ({"architecture": "llama", "bits": 8}, {"kind": "dora"}),
    "llama in bfloat16, DoRA": ({"architecture": "llama", "stored": "bfloat16"}, {"kind": "dora"}),
    "qwen3 in bfloat16, LoRA on some keys": (
        {"architecture": "qwen3", "stored": "bfloat16"},
        {"keys": ("self_attn.q_proj", "mlp.down_proj")},
    ),
    "mixtral, LoRA on experts": ({"architecture": "mixtral", "bits": 4}, {}),
}


@pytest.fixture(params=ADAPTED)
def adapted(request: pytest.FixtureRequest, model_folder: ModelFolder, tmp_path: Path) -> Path:
    model, adapter = ADAPTED[request.param]
    return with_random_adapter(model_folder(layers=LAYERS, **model), tmp_path / "adapted", **adapter)


@pytest.mark.parametrize("computed", ["stored", "float32"])
def test_an_adapted_model_is_split_exactly(computed: ComputeType, adapted: Path, tmp_path: Path) -> None:
    def load(start: int, end: int) -> Any:
        return load_stage(with_parts_of(adapted, tmp_path / f"{start}", start, end), start, end, compute_type=computed)

    whole = run_stages([load_stage(adapted, 0, LAYERS, compute_type=computed)], PROMPT, TOKENS, chunk=CHUNK)
    for cut in (1, 3):
        assert run_stages([load(0, cut), load(cut, LAYERS)], PROMPT, TOKENS, chunk=CHUNK) == whole
    plain = tmp_path / "plain"
    adapted.joinpath(ADAPTER_CONFIG).rename(adapted / "unused.txt")
    adapted.rename(plain)
    without = run_stages([load_stage(plain, 0, LAYERS, compute_type=computed)], PROMPT, TOKENS, chunk=CHUNK)
    assert [drawn.token_id for drawn in without] != [drawn.token_id for drawn in whole]


@pytest.mark.parametrize("computed", ["stored", "float32"])
def test_the_card_counts_it(computed: ComputeType, adapted: Path) -> None:
    card = describe_model(ModelId("m"), adapted).computed_in(computed)
    for start, end in ((0, LAYERS), (0, 1), (3, LAYERS)):
        told: list[int] = []
        _load_told(adapted, start, end, computed, told)
        assert told[-1] == range_bytes(card, start, end, 0)


def _load_told(folder: Path, start: int, end: int, computed: ComputeType, told: list[int]) -> None:
    load_stage(folder, start, end, compute_type=computed, on_read=lambda done, total: told.append(total))


def test_as_stored_it_computes_what_mlx_lm_computes(adapted: Path) -> None:
    from mlx_lm import utils

    model = cast("Any", utils).load_model(adapted)[0]
    model = cast("Any", utils).load_adapters(model, str(adapted))
    model.eval()
    caches, pending, expected = models.make_caches(model), list(PROMPT), list[int]()
    for _ in range(TOKENS):
        logits = cast("models.Model", model)(mx.array([pending]), caches)
        pending = [cast("int", mx.argmax(logits[0, -1]).item())]
        expected += pending
    drawn = run_stages([load_stage(adapted, 0, LAYERS)], PROMPT, TOKENS)
    assert [token.token_id for token in drawn] == expected


def test_fused_in_float32_it_means_the_same(model_folder: ModelFolder, tmp_path: Path) -> None:
    for kind in ("lora", "dora"):
        folder = with_random_adapter(model_folder(layers=LAYERS, architecture="llama"), tmp_path / kind, kind=kind)
        beside = run_stages([load_stage(folder, 0, LAYERS)], PROMPT, TOKENS)
        fused = run_stages([load_stage(folder, 0, LAYERS, compute_type="float32")], PROMPT, TOKENS)
        assert [drawn.token_id for drawn in fused] == [drawn.token_id for drawn in beside]
        for one, other in zip(beside, fused, strict=True):
            assert one.logprob == pytest.approx(other.logprob, abs=1e-3)


def test_a_stage_reads_its_own_part_of_the_adapter(model_folder: ModelFolder, tmp_path: Path) -> None:
    folder = with_random_adapter(model_folder(layers=LAYERS, architecture="llama"), tmp_path / "m", num_layers=2)
    read = [
        {part.path: part.tensors or () for part in shard_parts(folder, layer, layer + 1)}[ADAPTER_WEIGHTS]
        for layer in range(LAYERS)
    ]
    assert read[0] == read[1] == ()
    for layer in (2, 3):
        assert {name.split(".")[2] for name in read[layer]} == {str(layer)}
        assert len(read[layer]) == 14


@pytest.mark.parametrize(
    ("change", "error", "words"),
    [
        ({"fine_tune_type": "full"}, NotThereYet, "of the kind 'full', which is not there yet"),
        ({"peft_type": "LORA"}, NotThereYet, "is of PEFT and not of mlx-lm"),
        ({"lora_parameters": {"rank": 4}}, ModelError, "not the config of an adapter"),
        ({"lora_parameters": {"rank": 8, "scale": 2.0}}, ModelError, "the adapter does not fit the model"),
        ({"num_layers": 1}, ModelError, "the adapter does not fit the model"),
        ({"fine_tune_type": "dora"}, ModelError, "the adapter does not fit the model"),
    ],
)
def test_an_adapter_that_cannot_be_used_is_refused(
    model_folder: ModelFolder, tmp_path: Path, change: dict[str, Any], error: type[Exception], words: str
) -> None:
    folder = with_random_adapter(model_folder(layers=LAYERS, architecture="llama"), tmp_path / "adapted")
    config = json.loads((folder / ADAPTER_CONFIG).read_text()) | change
    (folder / ADAPTER_CONFIG).write_text(json.dumps(config))
    with pytest.raises(error, match=words):
        describe_model(ModelId("m"), folder)
