"""Every architecture in `PROVEN` computes bit for bit the same in stages as whole: greedy tokens and log probabilities.

`logprobs=20` makes each drawn token carry its own log probability and the twenty largest, as exact floats.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

import mlx.core as mx
import pytest

from exo_backend_mlx.architectures import PROVEN
from exo_backend_mlx.card import describe_model
from exo_backend_mlx.checkpoint import lazy_tensors
from exo_backend_mlx.loading import load_stage
from exo_backend_mlx.mlx_lm_facade import models
from exo_backend_mlx.model_config import read_config
from exo_backend_mlx.safetensors_headers import read_headers
from exo_backend_mlx.testing import run_stages
from exo_core.errors import ModelError
from exo_core.identifiers import ModelId

LAYERS = 4
PROMPT = range(5, 45)
TOKENS = 24
CHUNK = 13
VARIANTS: dict[str, dict[str, Any]] = {architecture: {"architecture": architecture} for architecture in PROVEN} | {
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
}
ModelFolder = Callable[..., Path]


@pytest.mark.parametrize("variant", VARIANTS)
def test_stages_compute_what_the_whole_model_computes(variant: str, model_folder: ModelFolder) -> None:
    folder = model_folder(layers=LAYERS, **VARIANTS[variant])
    whole = run_stages([load_stage(folder, 0, LAYERS)], PROMPT, TOKENS, chunk=CHUNK)
    assert len({drawn.token_id for drawn in whole}) > 3, "greedy text that repeats one token proves little"
    cards_cuts = describe_model(ModelId("m"), folder).cut_points
    assert cards_cuts == (1, 2, 3)
    for cut in cards_cuts:
        halves = [load_stage(folder, 0, cut), load_stage(folder, cut, LAYERS)]
        assert run_stages(halves, PROMPT, TOKENS, chunk=CHUNK) == whole, f"cut before layer {cut}"
    single_layers = [load_stage(folder, layer, layer + 1) for layer in range(LAYERS)]
    assert run_stages(single_layers, PROMPT, TOKENS, chunk=CHUNK) == whole


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
