"""mlx-lm's `ArraysCache`: states of a layer that do not grow, as those of recurrent and convolutional layers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, final

import mlx.core as mx

from exo_backend_mlx.layer_caches.layer_cache import LayerCache
from exo_backend_mlx.pass_layout import PassLayout
from exo_backend_mlx.row_views import RowStates


@final
class States(LayerCache):
    """Each pass replaces them, so that no token can be taken back."""

    def compact(self) -> object:
        """Memory of their own: a pass leaves views of what it computed for all rows."""
        held: list[mx.array | None] = self.own.cache
        self.own.cache = [None if state is None else state * mx.array(1, state.dtype) for state in held]
        return self.own.cache

    @property
    def goes_with_others(self) -> bool:
        """They are joined along the first axis."""
        return True

    def as_one(self, rows: Sequence[Any], layout: PassLayout | None, layer: int) -> object:
        """Wherever their sequences' keys lie."""
        del layout, layer
        return RowStates(rows)

    def lets_lie_in(self, capacity: int) -> bool:
        """They stay outside."""
        del capacity
        return True
