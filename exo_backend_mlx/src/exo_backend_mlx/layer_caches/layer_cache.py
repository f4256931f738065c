"""A cache of mlx-lm's, and all that is asked of it, or done to it, besides by its model.

The answers here are those of a cache of which nothing is known: they are right for each, and cost what a kind of its
own would save. It is never cut, computed row by row, and counted as it is after its first tokens.
"""

from __future__ import annotations

import copy
from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

import mlx.core as mx

if TYPE_CHECKING:
    from exo_backend_mlx.layer_caches.keys_in_order import KeysInOrder
    from exo_backend_mlx.pass_layout import PassLayout


@dataclass(frozen=True)
class CacheSize:
    """Bytes of one cache: `per_token` of each of its tokens, of `window` at most, and of `ahead` more, and `fixed`."""

    per_token: int = 0
    window: int | None = None
    """None: of every token."""
    ahead: int = 0
    """For so many tokens at most memory is taken before they come."""
    fixed: int = 0


class LayerCache:
    """`own` is mlx-lm's; its model reads and writes it."""

    def __init__(self, own: object) -> None:
        self.own = cast("Any", own)
        self.own_class: Hashable = type(own)

    # what it is ------------------------------------------------------------------------------------------------

    @property
    def likeness(self) -> Hashable:
        """Equal for caches that hold the same positions and give the same masks."""
        return self.own_class

    @property
    def counts_positions(self) -> bool:
        """Whether a model can read from it how many tokens the sequence has."""
        return hasattr(self.own, "offset")

    @property
    def arrays(self) -> object:
        """All its arrays, nested."""
        return self.own.state

    @property
    def lingers(self) -> bool:
        """Whether some of its arrays may be lazy still when the result of the pass that wrote them is computed."""
        return True

    def sizes(self) -> Sequence[CacheSize]:
        """What it takes, once it holds a token; for each of its parts, if it has several."""
        return (CacheSize(fixed=self.own.nbytes),)

    # cutting it ------------------------------------------------------------------------------------------------

    @property
    def keeps_every_token(self) -> bool:
        """Whether it can be cut at every length, always."""
        return False

    def can_forget(self, tokens: int) -> bool:
        """Whether the last `tokens` (at least 1) can be taken back now."""
        del tokens
        return False

    def forget(self, tokens: int) -> None:
        """Take back the last `tokens`. Memory that then holds nothing does not stay for long.

        Raises `ValueError` if it cannot.
        """
        message = f"{tokens} tokens cannot be taken back from a cache of the kind {type(self.own).__name__}"
        raise ValueError(message)

    # keeping it ------------------------------------------------------------------------------------------------

    def twin(self) -> LayerCache:
        """Another one over the same memory, which mlx copies when either is written to."""
        own = copy.copy(self.own)
        for name, value in cast("dict[str, object]", vars(own)).items():
            setattr(own, name, _share(value))
        return type(self)(own)

    def compact(self) -> object:
        """Have it take no more memory than `sizes` says, lazily; gives the arrays to compute.

        To be done after each pass over several tokens, before its result is computed.
        """
        return self.arrays

    # several in one pass ---------------------------------------------------------------------------------------

    @property
    def goes_with_others(self) -> bool:
        """Whether `as_one` works."""
        return False

    @property
    def takes_chunks_with_others(self) -> bool:
        """Whether it also works for a pass over several tokens of each."""
        return False

    def as_one(self, rows: Sequence[Any], layout: PassLayout | None, layer: int) -> object:
        """mlx-lm's caches `rows`, all of this kind, as one for a pass over a token of each; it is one of them.

        `layer` counts from the stage's first. `layout` None: keys and values are given in one array (`padded_rows`).
        Raises `TypeError` for a kind that goes alone.
        """
        message = f"caches of the kind {type(self.own).__name__} go through a pass one by one"
        raise TypeError(message)

    # lying in a slab -------------------------------------------------------------------------------------------

    @property
    def keys(self) -> KeysInOrder | None:
        """Itself, if its keys and values may lie in a slab."""
        return None

    def lets_lie_in(self, capacity: int) -> bool:
        """Whether its sequence may lie in a slab of so many tokens: this part of it fits there, or does not grow."""
        del capacity
        return False


def _share(value: object) -> object:
    if isinstance(value, mx.array):
        return mx.array(value)
    if isinstance(value, list):
        return [_share(item) for item in cast("list[object]", value)]
    if isinstance(value, tuple):
        return tuple(_share(item) for item in cast("tuple[object, ...]", value))
    return value
