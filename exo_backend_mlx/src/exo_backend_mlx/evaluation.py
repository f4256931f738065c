"""mlx's `eval`, which its own stubs leave untyped."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import cast

import mlx.core as mx

evaluate = cast(
    "Callable[..., None]",
    mx.eval,  # pyright: ignore[reportUnknownMemberType] — the stubs give its arguments no type
)
"""Compute arrays (or trees of arrays) now and wait for them."""

start_evaluating = cast(
    "Callable[..., None]",
    mx.async_eval,  # pyright: ignore[reportUnknownMemberType] — as above
)
"""Compute arrays (or trees of arrays) in their turn, behind what was started before."""


def first_number(arrays: object) -> list[mx.array]:
    """The first number of the last of these (nested) arrays, in memory of its own; nothing if there are none.

    Who holds it, to wait for it, does not keep the arrays from being written in place.
    """
    flat = list(_arrays_in(arrays))
    return [flat[-1][(0,) * flat[-1].ndim] * mx.array(1, flat[-1].dtype)] if flat else []


def _arrays_in(tree: object) -> Iterator[mx.array]:
    if isinstance(tree, mx.array):
        yield tree
    elif isinstance(tree, list | tuple):
        for part in cast("Sequence[object]", tree):
            yield from _arrays_in(part)
