"""Changes to logits, of shape (vocabulary,) unless said: mlx_lm's own functions, which have no types, with types.

Importing mlx_lm takes seconds, so this module is imported by the stage's process only.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, cast

import mlx.core as mx
from mlx_lm import sample_utils as _untyped

from exo_core.requests import Sampling

_Processor = Callable[[Any, mx.array], mx.array]
_library = cast("Any", _untyped)
_WHOLE_HISTORY = 2**31


def add_bias(logits: mx.array, bias: Mapping[int, float]) -> mx.array:
    """Add a number to some tokens' logits."""
    return cast("Any", logits).at[mx.array(list(bias))].add(mx.array(list(bias.values())))


def forbid(logits: mx.array, token_ids: Sequence[int]) -> mx.array:
    """Make tokens impossible."""
    if not token_ids:
        return logits
    return mx.put_along_axis(logits, mx.array(list(token_ids)), mx.array(-mx.inf), axis=-1)


def penalise(logits: mx.array, sampling: Sampling, *, prompt_ids: Sequence[int], generated: Sequence[int]) -> mx.array:
    """Repetition (prompt and reply), presence and frequency (reply) penalties, as in OpenAI's API and vLLM."""
    batch = logits[None]
    if sampling.repetition_penalty != 1:
        seen = sorted({*prompt_ids, *generated})
        batch = _apply(_library.make_repetition_penalty(sampling.repetition_penalty, _WHOLE_HISTORY), seen, batch)
    if sampling.presence_penalty != 0:
        batch = _apply(
            _library.make_presence_penalty(sampling.presence_penalty, _WHOLE_HISTORY), sorted(set(generated)), batch
        )
    if sampling.frequency_penalty != 0:
        batch = _apply(_library.make_frequency_penalty(sampling.frequency_penalty, _WHOLE_HISTORY), generated, batch)
    return batch[0]


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


def _apply(processor: _Processor, token_ids: Sequence[int], batch: mx.array) -> mx.array:
    known = [token_id for token_id in token_ids if token_id < batch.shape[-1]]
    return processor(mx.array(known), batch) if known else batch
