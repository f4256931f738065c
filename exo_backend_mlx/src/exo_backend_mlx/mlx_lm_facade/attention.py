"""Attention of several sequences' rows at once, put in the place of mlx-lm's function in the modules of a model.

mlx-lm's models import `scaled_dot_product_attention` by name and hand it whatever their cache gave them. A cache of
ours gives an object that knows how to attend; anything else goes to mlx-lm's own function, unchanged.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any, Protocol, cast

import mlx.core as mx
from mlx import nn

_NAME = "scaled_dot_product_attention"


class Attendable(Protocol):
    """What a cache of several rows gives in place of keys and values."""

    def attend(self, queries: mx.array, scale: float, mask: object, sinks: mx.array | None) -> mx.array:
        """Each row's attention over its own keys and values, (rows, heads, 1, head size) to the same shape.

        `mask` is what the same cache's `make_mask` gave.
        """
        ...


def attend_rows(model: nn.Module) -> None:
    """Let the modules that `model` is made of accept an `Attendable`. Doing it again changes nothing."""
    for name in {type(module).__module__ for module in cast("list[nn.Module]", model.modules())}:
        module = sys.modules[name]
        original = getattr(module, _NAME, None)
        if original is not None and not hasattr(original, "accepts_rows"):
            setattr(module, _NAME, _accepting_rows(original))


def attend_alone(
    queries: mx.array, keys: object, values: object, cache: object, scale: float, mask: object, sinks: mx.array | None
) -> mx.array:
    """mlx-lm's own attention of one sequence, plain or over a quantized cache."""
    from mlx_lm.models import base

    attend = cast("Callable[..., mx.array]", base.scaled_dot_product_attention)
    return attend(queries, keys, values, cache=cache, scale=scale, mask=mask, sinks=sinks)


def _accepting_rows(original: Callable[..., mx.array]) -> Callable[..., mx.array]:
    def attend(
        queries: mx.array,
        keys: object,
        values: object,
        cache: object,
        scale: float,
        mask: object,
        sinks: mx.array | None = None,
    ) -> mx.array:
        if hasattr(keys, "attend"):  # asked for each layer of each token: isinstance of a protocol takes 10 µs
            return cast("Attendable", keys).attend(queries, scale, mask, sinks)
        return original(queries, keys, values, cache=cache, scale=scale, mask=mask, sinks=sinks)

    cast("Any", attend).accepts_rows = True
    return attend
