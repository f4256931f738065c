"""Which of mlx-lm's architectures may be cut into stages, and where their ends are.

An architecture is listed only if `tests/backend_mlx/test_split_exactness.py` proves that it computes bit for bit the
same in stages as whole, at every cut. The others run whole on one node.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Layout:
    """Names of a model's parts, seen from the module that holds the layers (the head from the whole model)."""

    embedding: str = "embed_tokens"
    norm: str = "norm"
    head: str = "lm_head"


PROVEN: dict[str, Layout] = dict.fromkeys(
    (
        "cohere",
        "cohere2",
        "deepseek_v3",
        "ernie4_5",
        "exaone4",
        "gemma",
        "gemma2",
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
    Layout(),
)
"""By the name of mlx-lm's module, which is the config's `model_type` unless mlx-lm maps it (`mistral` is `llama`)."""


def why_uncuttable(architecture: str) -> str:
    """Why a model that is not in `PROVEN` has no cut points, for people."""
    return f"no test has split {architecture} exactly; it runs whole on one node"
