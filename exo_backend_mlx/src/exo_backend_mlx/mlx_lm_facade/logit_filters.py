"""What is kept of scores as likely enough: mlx_lm's own functions, which have no types, with types."""

from __future__ import annotations

from typing import Any, cast

import mlx.core as mx
import mlx_lm.sample_utils as _untyped

_library = cast("Any", _untyped)


def keep_likely(scores: mx.array, *, top_k: int, top_p: float, min_p: float) -> mx.array:
    """Top-k, then top-p of what is left, then min-p, in each row of (rows, vocabulary); what falls out gets -inf."""
    if 0 < top_k < scores.shape[-1]:
        scores = cast("mx.array", _library.apply_top_k(scores, top_k))
    if top_p < 1:
        scores = cast("mx.array", _library.apply_top_p(_normalised(scores), top_p))
    if min_p > 0:
        scores = cast("mx.array", _library.apply_min_p(scores, min_p))
    return scores


def _normalised(batch: mx.array) -> mx.array:
    """mlx_lm's top-p exponentiates what it is given, so large logits would overflow."""
    return batch - mx.logsumexp(batch, axis=-1, keepdims=True)
