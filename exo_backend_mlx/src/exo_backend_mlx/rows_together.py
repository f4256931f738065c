"""Which of mlx-lm's architectures compute one token of several sequences in one pass.

An architecture is listed only if `tests/backend_mlx/test_rows_together.py` proves that its rows together give what each
gives alone, up to rounding. The others compute row after row.
"""

from __future__ import annotations

from typing import Literal

RowKind = Literal["attended", "padded"]
"""How attention sees the rows' keys and values: each row's own (`row_caches`), or in one array (`padded_rows`)."""

ROWS_TOGETHER: dict[str, RowKind] = {
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
            "lfm2",
            "llama",
            "mamba2",
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
            "qwen3_next",
            "seed_oss",
            "smollm3",
            "starcoder2",
        ),
        "attended",
    ),
    **dict.fromkeys(("deepseek_v3", "glm4_moe_lite", "phi", "stablelm"), "padded"),
}
"""By the name of mlx-lm's module."""
