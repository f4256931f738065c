"""Weights in memory are what the card says, whatever they are computed in, and mean the same."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from exo_backend_mlx.card import describe_model
from exo_backend_mlx.loading import load_stage
from exo_backend_mlx.mlx_device import computes_on_cpu
from exo_backend_mlx.probe import probe_mlx
from exo_backend_mlx.testing.step_by_hand import run_stages
from exo_backend_mlx.type_speeds import TypeSpeeds, measure_types
from exo_core.cards import ComputeType
from exo_core.identifiers import ModelId
from exo_core.placement_rules.memory_needs import range_bytes

ModelFolder = Callable[..., Path]
LAYERS, TOKENS = 4, 12
PROMPT = range(5, 25)
MODELS: Mapping[str, dict[str, Any]] = {
    "float32": {"architecture": "llama"},
    "bfloat16, tied": {"architecture": "qwen3", "stored": "bfloat16"},
    "4 bits": {"architecture": "llama", "bits": 4, "stored": "bfloat16", "group_size": 64},
    "8 bits": {"architecture": "gemma3_text", "bits": 8, "stored": "float16"},
    "mxfp4": {"architecture": "llama", "bits": 4, "mode": "mxfp4", "stored": "bfloat16"},
    "experts": {"architecture": "qwen3_moe", "bits": 4, "stored": "bfloat16"},
    "latent attention": {"architecture": "deepseek_v3", "bits": 4},
}


@pytest.mark.parametrize("computed", ["stored", "float32"])
@pytest.mark.parametrize("model", MODELS)
def test_a_stage_reads_as_many_bytes_as_the_card_says(
    model: str, computed: ComputeType, model_folder: ModelFolder
) -> None:
    folder = model_folder(layers=LAYERS, **MODELS[model])
    card = describe_model(ModelId("m"), folder).computed_in(computed)
    for start, end in ((0, LAYERS), (0, 1), (1, 3), (3, LAYERS)):
        expected = range_bytes(card, start, end, 0) - sum(card.state_bytes[start:end])
        assert bytes_read(folder, start, end, computed) == (expected, expected)


def bytes_read(folder: Path, start: int, end: int, computed: ComputeType) -> tuple[int, int]:
    """What the load told last: read, and in all."""
    told: list[tuple[int, int]] = []
    load_stage(folder, start, end, compute_type=computed, on_read=lambda done, total: told.append((done, total)))
    return told[-1]


@pytest.mark.parametrize("model", ["4 bits", "8 bits", "mxfp4", "experts", "latent attention"])
def test_widened_weights_mean_what_the_packed_ones_mean(model: str, model_folder: ModelFolder) -> None:
    """Scales stored in float32 make both computations float32: only the order of additions differs."""
    folder = model_folder(layers=LAYERS, **MODELS[model] | {"stored": "float32"})
    packed = run_stages([load_stage(folder, 0, LAYERS)], PROMPT, TOKENS)
    widened = run_stages([load_stage(folder, 0, LAYERS, compute_type="float32")], PROMPT, TOKENS)
    assert [drawn.token_id for drawn in widened] == [drawn.token_id for drawn in packed]
    for one, other in zip(packed, widened, strict=True):
        assert one.logprob == pytest.approx(other.logprob, abs=1e-3)


def test_stages_that_compute_in_different_types_work_together(model_folder: ModelFolder) -> None:
    """As where one machine has a GPU and the next has none."""
    folder = model_folder(layers=LAYERS, architecture="llama", stored="bfloat16")
    types: list[ComputeType] = ["stored", "float32"]
    whole = run_stages([load_stage(folder, 0, LAYERS, compute_type="float32")], PROMPT, 1)
    for first, second in (types, reversed(types)):
        halves = [
            load_stage(folder, 0, 2, compute_type=first),
            load_stage(folder, 2, LAYERS, compute_type=second),
        ]
        (drawn,) = run_stages(halves, PROMPT, 1)
        assert drawn.logprob == pytest.approx(whole[0].logprob, abs=0.1), "up to bfloat16's rounding"


def test_what_is_slower_than_float32_is_widened() -> None:
    assert TypeSpeeds(float32=10, half=5, quantized=20).float32_is_faster_than == ("half",)
    assert TypeSpeeds(float32=10, half=50, quantized=20).float32_is_faster_than == ()


def test_the_probe_says_what_it_measured_in_one_line() -> None:
    facts, speeds = probe_mlx(), measure_types()
    assert min(speeds.float32, speeds.half, speeds.quantized) > 0
    if computes_on_cpu():
        assert facts.float32_faster_than == ("half", "quantized")
        line = str(facts.details["computes in"])
        assert line.startswith("float32 for half-precision and quantized weights, where memory suffices: ")
        assert "GFLOP/s in float32" in line
    else:
        assert facts.float32_faster_than == ()
