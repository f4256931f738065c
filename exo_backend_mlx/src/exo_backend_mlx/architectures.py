"""What tests have proven of mlx-lm's architectures: that they may be cut into stages, and that rows go together.

- `cut`: `tests/backend_mlx/test_split_exactness.py` proves that it computes bit for bit the same in stages as whole, at
  every cut. The others run whole on one node.
- `rows`: `tests/backend_mlx/test_rows_together.py` proves that one token of several sequences in one pass gives what
  each gives alone, up to rounding. The others compute row after row.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

RowKind = Literal["attended", "padded"]
"""How attention sees the rows' keys and values: each row's own (`row_views`), or in one array (`padded_rows`)."""


@dataclass(frozen=True)
class Layout:
    """Names of a model's parts, seen from the module that holds the layers (the head from the whole model)."""

    embedding: str = "embed_tokens"
    norm: str = "norm"
    head: str = "lm_head"


@dataclass(frozen=True)
class Proven:
    """Of one architecture; None: nothing."""

    cut: Layout | None = None
    rows: RowKind | None = None


ARCHITECTURES: Mapping[str, Proven] = {
    **dict.fromkeys(
        (
            "cohere",
            "cohere2",
            "ernie4_5",
            "exaone4",
            "gemma",
            "gemma3_text",
            "glm4",
            "glm4_moe",
            "gpt_oss",
            "granite",
            "llama",
            "ministral3",
            "mixtral",
            "olmo2",
            "olmo3",
            "olmoe",
            "phi3",
            "qwen2",
            "qwen2_moe",
            "qwen3",
            "qwen3_moe",
            "seed_oss",
            "smollm3",
            "starcoder2",
        ),
        Proven(cut=Layout(), rows="attended"),
    ),
    "deepseek_v3": Proven(cut=Layout(), rows="padded"),
    "gemma2": Proven(cut=Layout()),
    **dict.fromkeys(("lfm2", "mamba2", "phi", "qwen3_next", "stablelm"), Proven(rows="attended")),
    "glm4_moe_lite": Proven(rows="padded"),
}
"""By the name of mlx-lm's module, which is the config's `model_type` unless mlx-lm maps it (`mistral` is `llama`)."""


def proven(architecture: str) -> Proven:
    """What is known of it."""
    return ARCHITECTURES.get(architecture, Proven())


def why_uncuttable(architecture: str) -> str:
    """Why a model whose architecture has no proven cut has no cut points, for people."""
    return f"no test has split {architecture} exactly; it runs whole on one node"
