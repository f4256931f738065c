"""mlx-lm's `CacheList`: several caches of one layer, each of any kind."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from typing import Any, final

from exo_backend_mlx.layer_caches.layer_cache import CacheSize, LayerCache
from exo_backend_mlx.pass_layout import PassLayout
from exo_backend_mlx.row_views import RowParts


@final
class CacheParts(LayerCache):
    """What it is asked, all of its parts are. None of them lies in a slab."""

    def __init__(self, own: object, known: Callable[[object], LayerCache]) -> None:
        """`known` gives a part's kind."""
        super().__init__(own)
        self._known = known
        self.parts: tuple[LayerCache, ...] = tuple(known(part) for part in self.own.caches)

    @property
    def likeness(self) -> Hashable:
        """Parts of one likeness each."""
        return self.own_class, tuple(part.likeness for part in self.parts)

    @property
    def arrays(self) -> object:
        """Those of its parts."""
        return [part.arrays for part in self.parts]

    def sizes(self) -> Sequence[CacheSize]:
        """Those of its parts."""
        return [size for part in self.parts for size in part.sizes()]

    @property
    def keeps_every_token(self) -> bool:
        """If all its parts do."""
        return all(part.keeps_every_token for part in self.parts)

    def can_forget(self, tokens: int) -> bool:
        """If all its parts can."""
        return all(part.can_forget(tokens) for part in self.parts)

    def forget(self, tokens: int) -> None:
        """In all its parts."""
        for part in self.parts:
            part.forget(tokens)

    def twin(self) -> LayerCache:
        """A list of its parts' twins."""
        return CacheParts(type(self.own)(*(part.twin().own for part in self.parts)), self._known)

    def compact(self) -> object:
        """All its parts."""
        return [part.compact() for part in self.parts]

    @property
    def goes_with_others(self) -> bool:
        """If all its parts do."""
        return all(part.goes_with_others for part in self.parts)

    @property
    def takes_chunks_with_others(self) -> bool:
        """If all its parts do."""
        return all(part.takes_chunks_with_others for part in self.parts)

    def as_one(self, rows: Sequence[Any], layout: PassLayout | None, layer: int) -> object:
        """A list of its parts as one."""
        parts = zip(self.parts, zip(*(row.caches for row in rows), strict=True), strict=True)
        return RowParts(tuple(part.as_one(each, layout, layer) for part, each in parts))
