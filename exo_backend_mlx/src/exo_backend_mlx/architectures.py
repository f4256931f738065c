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


_USUAL = Layout()

PROVEN: dict[str, Layout] = {
    "llama": _USUAL,
    "qwen2": _USUAL,
    "qwen3": _USUAL,
    "gemma": _USUAL,
    "gemma2": _USUAL,
    "gemma3_text": _USUAL,
}
"""By the name of mlx-lm's module, which is the config's `model_type` unless mlx-lm maps it (`mistral` is `llama`)."""


def why_uncuttable(architecture: str) -> str:
    """Why a model that is not in `PROVEN` has no cut points, for people."""
    return f"no test has split {architecture} exactly; it runs whole on one node"
