"""What may be cut computes bit for bit the same in stages as whole: greedy tokens and log probabilities.

Each stage is loaded from a folder that holds the tensors it says it reads, and nothing but ones in place of the others:
with a tensor too few, every number of it would be another, or none. `logprobs=20` makes each drawn token carry its own
log probability and the twenty largest, as exact floats.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

import mlx.core as mx
import pytest

from exo_backend_mlx.architectures import ARCHITECTURES
from exo_backend_mlx.card import describe_model
from exo_backend_mlx.checkpoint import lazy_tensors
from exo_backend_mlx.loading import load_stage
from exo_backend_mlx.mlx_lm_facade import models
from exo_backend_mlx.model_config import read_config
from exo_backend_mlx.shard_parts import shard_parts
from exo_backend_mlx.stage import MlxStage
from exo_backend_mlx.testing.partial_folders import with_parts_of
from exo_backend_mlx.testing.step_by_hand import run_stages
from exo_core.cards import ComputeType
from exo_core.errors import ModelError
from exo_core.identifiers import ModelId
from exo_core.model_files.safetensors_headers import read_header, read_headers

LAYERS = 4
PROMPT = range(5, 45)
TOKENS = 24
CHUNK = 13
CUT = [architecture for architecture, known in ARCHITECTURES.items() if known.cut]
VARIANTS: dict[str, dict[str, Any]] = {architecture: {"architecture": architecture} for architecture in CUT} | {
    "llama, tied": {"architecture": "llama", "overrides": {"tie_word_embeddings": True}},
    "llama, sliding windows": {
        "architecture": "llama",
        "overrides": {
            "sliding_window": 16,
            "layer_types": ["sliding_attention", "sliding_attention", "full_attention", "sliding_attention"],
        },
    },
    "llama, biases": {"architecture": "llama", "overrides": {"attention_bias": True, "mlp_bias": True}},
    "llama, bfloat16": {"architecture": "llama", "stored": "bfloat16"},
    "llama, 4 bits": {"architecture": "llama", "bits": 4},
    "mistral, which is mlx-lm's llama": {"architecture": "mistral"},
    "qwen2, untied": {"architecture": "qwen2", "overrides": {"tie_word_embeddings": False}},
    "qwen3, 8 bits, tied": {"architecture": "qwen3", "bits": 8, "stored": "bfloat16"},
    "llama, 2 bits in groups of 128": {"architecture": "llama", "bits": 2, "group_size": 128, "hidden": 128},
    "llama, 3 bits": {"architecture": "llama", "bits": 3},
    "llama, 4 bits in groups of 64, bfloat16": {
        "architecture": "llama", "bits": 4, "group_size": 64, "stored": "bfloat16",
    },
    "llama, 6 bits in groups of 128": {"architecture": "llama", "bits": 6, "group_size": 128, "hidden": 128},
    "llama, 8 bits in groups of 64, float16": {
        "architecture": "llama", "bits": 8, "group_size": 64, "stored": "float16",
    },
    "llama, mxfp4": {"architecture": "llama", "bits": 4, "mode": "mxfp4"},
    "llama, mxfp8": {"architecture": "llama", "bits": 8, "mode": "mxfp8"},
    "llama, nvfp4": {"architecture": "llama", "bits": 4, "mode": "nvfp4", "group_size": 16},
    "mixtral, experts of 4 bits": {"architecture": "mixtral", "bits": 4},
    "deepseek_v3, 4 bits": {"architecture": "deepseek_v3", "bits": 4},
    "gpt_oss, experts in mxfp4": {"architecture": "gpt_oss", "bits": 4, "mode": "mxfp4", "stored": "bfloat16"},
}  # fmt: skip
IN_FLOAT32 = (
    "llama, bfloat16",
    "llama, 4 bits in groups of 64, bfloat16",
    "llama, 8 bits in groups of 64, float16",
    "llama, mxfp4",
    "mixtral, experts of 4 bits",
    "deepseek_v3, 4 bits",
    "qwen3, 8 bits, tied",
)
CASES: list[tuple[str, ComputeType]] = [
    *((variant, "stored") for variant in VARIANTS),
    *((variant, "float32") for variant in IN_FLOAT32),
]
ModelFolder = Callable[..., Path]


@pytest.mark.parametrize(("variant", "computed"), CASES)
def test_stages_compute_what_the_whole_model_computes(
    variant: str, computed: ComputeType, model_folder: ModelFolder, tmp_path: Path
) -> None:
    folder = model_folder(layers=LAYERS, **VARIANTS[variant])

    def load(start: int, end: int) -> MlxStage:
        part = with_parts_of(folder, tmp_path / f"{start}-{end}", start, end)
        return load_stage(part, start, end, compute_type=computed)

    whole = run_stages([load_stage(folder, 0, LAYERS, compute_type=computed)], PROMPT, TOKENS, chunk=CHUNK)
    assert len({drawn.token_id for drawn in whole}) > 3, "greedy text that repeats one token proves little"
    cards_cuts = describe_model(ModelId("m"), folder).cut_points
    assert cards_cuts == (1, 2, 3)
    for cut in cards_cuts:
        halves = [load(0, cut), load(cut, LAYERS)]
        assert run_stages(halves, PROMPT, TOKENS, chunk=CHUNK) == whole, f"cut before layer {cut}"
    single_layers = [load(layer, layer + 1) for layer in range(LAYERS)]
    assert run_stages(single_layers, PROMPT, TOKENS, chunk=CHUNK) == whole


def unstacked(folder: Path, into: Path) -> Path:
    """A mixtral as its makers publish it: each expert's matrices apart, in two files with an index."""
    shutil.copytree(folder, into, ignore=shutil.ignore_patterns("*.safetensors"))
    tensors = dict[str, mx.array]()
    names = {"gate_proj": "w1", "down_proj": "w2", "up_proj": "w3"}
    for name, tensor in cast("dict[str, mx.array]", mx.load(str(folder / "model.safetensors"))).items():
        before, stacked, rest = name.partition("switch_mlp.")
        if stacked:
            for expert, matrix in enumerate(tensor):
                tensors[f"{before}experts.{expert}.{names[rest.removesuffix('.weight')]}.weight"] = matrix
        else:
            tensors[name] = tensor
    files = {
        "one.safetensors": dict(sorted(tensors.items())[::2]),
        "two.safetensors": dict(sorted(tensors.items())[1::2]),
    }
    for file, held in files.items():
        cast("Any", mx).save_safetensors(str(into / file), held)
    index = {name: file for file, held in files.items() for name in held}
    (into / "model.safetensors.index.json").write_text(json.dumps({"weight_map": index}))
    return into


def test_experts_that_lie_apart_are_stacked_from_the_stages_own_files(
    model_folder: ModelFolder, tmp_path: Path
) -> None:
    folder = unstacked(model_folder(layers=LAYERS, architecture="mixtral"), tmp_path / "published")
    whole = run_stages([load_stage(folder, 0, LAYERS)], PROMPT, TOKENS, chunk=CHUNK)
    ranges = [(0, 1), (1, 3), (3, LAYERS)]
    parts = [with_parts_of(folder, tmp_path / f"{start}", start, end) for start, end in ranges]
    stages = [load_stage(part, *layers) for part, layers in zip(parts, ranges, strict=True)]
    assert run_stages(stages, PROMPT, TOKENS, chunk=CHUNK) == whole


def test_a_stage_reads_its_own_layers_and_its_end_only(model_folder: ModelFolder, tmp_path: Path) -> None:
    folder = unstacked(model_folder(layers=LAYERS, architecture="mixtral"), tmp_path / "published")
    chosen = [names_read(folder, layer, layer + 1) for layer in range(LAYERS)]
    for layer, names in enumerate(chosen):
        assert {name.split(".")[2] for name in names if ".layers." in name} == {str(layer)}
    ends = [{name for name in names if ".layers." not in name} for names in chosen]
    assert ends == [{"model.embed_tokens.weight"}, set(), set(), {"model.norm.weight", "lm_head.weight"}]
    stored = {name for path in folder.glob("*.safetensors") for name in read_header(path).tensors}
    assert set().union(*chosen) == stored


def test_an_embedding_that_is_the_head_too_is_read_at_both_ends(model_folder: ModelFolder) -> None:
    folder = model_folder(layers=LAYERS, **VARIANTS["llama, tied"])
    for start, end in ((0, 2), (2, LAYERS)):
        assert "model.embed_tokens.weight" in names_read(folder, start, end)
    assert "model.embed_tokens.weight" not in names_read(folder, 1, 2)


def names_read(folder: Path, start: int, end: int) -> set[str]:
    """The tensors of a stage, as the files name them."""
    return {name for part in shard_parts(folder, start, end) for name in part.tensors or ()}


def test_the_stage_computes_what_mlx_lm_computes(model_folder: ModelFolder) -> None:
    """A whole model through a stage gives the greedy text of mlx_lm's own forward pass."""
    folder = model_folder(layers=LAYERS, architecture="gemma3_text")
    config = read_config(folder)
    model = models.build_model(config)
    models.put_weights(model, models.sanitize(model, lazy_tensors(read_headers(folder))))
    caches = models.make_caches(model)
    pending, expected = list(PROMPT), list[int]()
    for _ in range(TOKENS):
        logits = cast("models.Model", model)(mx.array([pending]), caches)
        pending = [cast("int", mx.argmax(logits[0, -1]).item())]
        expected += pending
    drawn = run_stages([load_stage(folder, 0, LAYERS)], PROMPT, TOKENS)
    assert [token.token_id for token in drawn] == expected


def test_an_architecture_that_no_test_has_split_runs_whole_only(model_folder: ModelFolder) -> None:
    folder = model_folder(layers=2, architecture="stablelm")
    card = describe_model(ModelId("m"), folder)
    assert card.cut_points == ()
    assert [cut.layer for cut in card.forbidden_cuts] == [None]
    assert "no test has split stablelm exactly" in card.forbidden_cuts[0].reason
    assert len(run_stages([load_stage(folder, 0, 2)], PROMPT, 5)) == 5
    with pytest.raises(ModelError, match="no test has split stablelm exactly"):
        load_stage(folder, 0, 1)
