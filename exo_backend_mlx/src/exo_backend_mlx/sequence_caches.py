"""What a stage remembers of one sequence's tokens; also what a snapshot is."""

from __future__ import annotations

from typing import final

from exo_backend_mlx.evaluation import evaluate
from exo_backend_mlx.layer_caches.kinds import layer_cache
from exo_backend_mlx.mlx_lm_facade.models import Cache
from exo_backend_mlx.slabs import Slot


@final
class SequenceCaches:
    """`length` tokens are in the caches.

    `all` has one of mlx-lm's caches per layer of the model, `own` those of this stage, and `layers` what is known of
    these.
    """

    def __init__(self, caches: list[Cache], own: slice, length: int = 0) -> None:
        self.all = caches
        self.own = caches[own]
        self.layers = [layer_cache(cache) for cache in self.own]
        self._lingering = [layer for layer in self.layers if layer.lingers]
        self._own_range = own
        self.length = length
        self.slot: Slot | None = None

    @property
    def can_always_be_cut(self) -> bool:
        """Whether `trim` will work at every length: not once a window has moved on, though it does before."""
        return all(layer.keeps_every_token for layer in self.layers)

    def trim(self, length: int) -> None:
        """Forget positions from `length` on. Raises `ValueError`, with nothing changed, if these caches cannot."""
        surplus = self.length - length
        if surplus < 0 or length < 0:
            message = f"caches of {self.length} tokens cannot be cut to {length}"
            raise ValueError(message)
        if surplus == 0:
            return
        if not all(layer.can_forget(surplus) for layer in self.layers):
            message = f"caches of this kind that hold {self.length} tokens cannot be cut at length {length}"
            raise ValueError(message)
        for layer in self.layers:
            layer.forget(surplus)
        self.length = length

    def copy(self) -> SequenceCaches:
        """The same, over the same memory, which mlx copies when either is written to."""
        copies: dict[int, Cache] = {id(cache): layer_cache(cache).twin().own for cache in self.all}
        twin = SequenceCaches([copies[id(cache)] for cache in self.all], self._own_range, self.length)
        if self.slot is not None:
            self.slot.slab.copy_into(self.slot.number, twin.layers)
        return twin.compact()

    def compact(self) -> SequenceCaches:
        """Make what is kept take no more than is counted."""
        evaluate(self.compacted())
        return self

    def compacted(self) -> list[object]:
        """The same, lazily: the arrays to compute."""
        return [layer.compact() for layer in self.layers]

    def settle(self) -> SequenceCaches:
        """Bring keys and values back from a slab into the caches, which mlx-lm's models need alone."""
        if self.slot is not None:
            self.slot.slab.copy_into(self.slot.number, self.layers)
            self.leave()
        return self

    def leave(self) -> None:
        """Give up a slot and what is in it."""
        if self.slot is not None:
            self.slot.slab.leave(self.slot.number)
            self.slot = None

    @property
    def arrays(self) -> list[object]:
        """All their arrays, nested."""
        return [layer.arrays for layer in self.layers]

    @property
    def lingering(self) -> list[object]:
        """Arrays that a pass's result does not depend on, so that computing the result leaves them lazy."""
        return [layer.arrays for layer in self._lingering]
