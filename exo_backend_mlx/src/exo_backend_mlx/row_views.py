"""What stands in front of several sequences' caches of one layer, for one pass: mlx-lm's models see one cache.

`layer_caches` says which of these classes is for which kind.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, cast, final

import mlx.core as mx

from exo_backend_mlx.mlx_lm_facade.attention import attend_alone
from exo_backend_mlx.pass_layout import PassLayout


@dataclass(frozen=True)
class _Masks:
    """What each row outside of slabs may see, and the window within slabs."""

    window: int | None
    alone: Sequence[object]


@final
class RowsCache:
    """Keys and values of one layer, the `layer`-th of the stage; `rows` are mlx-lm's caches."""

    def __init__(self, rows: Sequence[Any], layout: PassLayout, layer: int) -> None:
        self._rows = rows
        self._layout = layout
        self._layer = layer
        self._offset: mx.array | None = None

    @property
    def offset(self) -> mx.array:
        """Where each token goes in its row's cache, (tokens,)."""
        if self._offset is None:
            self._offset = self._layout.offsets(tuple(row.offset for row in self._rows))
        return self._offset

    def make_mask(self, tokens: int, *, return_array: bool = False, window_size: int | None = None) -> _Masks:
        """What each row's own cache gives, to be handed back to `attend`. The model sees one token of each row."""
        del tokens
        alone = ((self._rows[row], self._layout.counts[row]) for row in self._layout.alone)
        return _Masks(
            window_size,
            [row.make_mask(count, return_array=return_array, window_size=window_size) for row, count in alone],
        )

    def update_and_fetch(self, keys: mx.array, values: mx.array) -> tuple[_Attending, _Attending]:
        """Add keys and values, (tokens, heads, 1, head size), to their rows."""
        self._offset = None
        alone = self._update_alone(keys, values) if self._layout.alone else []
        if self._layout.slabs:
            self._update_slabs(keys, values)
        caches = [self._rows[row] for row in self._layout.alone]
        held = _Attending(self._layout, self._layer, alone, caches, keys.dtype)
        return held, held

    def _update_alone(self, keys: mx.array, values: mx.array) -> list[tuple[mx.array, mx.array]]:
        layout = self._layout
        parts = zip(layout.alone, layout.rows_alone(keys), layout.rows_alone(values), strict=True)
        return [self._rows[row].update_and_fetch(_kept(key), _kept(value)) for row, key, value in parts]

    def _update_slabs(self, keys: mx.array, values: mx.array) -> None:
        layout = self._layout
        parts = zip(layout.slabs, layout.by_slab(keys[:, :, 0]), layout.by_slab(values[:, :, 0]), strict=True)
        for part, new_keys, new_values in parts:
            part.slab.write(self._layer, part.slot_indices, part.positions, new_keys, new_values)
            for row in part.rows:
                self._rows[row].offset += 1


@final
class _Attending:
    """One layer's keys and values of a pass, about to be attended to: what mlx-lm's models do with these is here."""

    def __init__(
        self,
        layout: PassLayout,
        layer: int,
        alone: Sequence[tuple[mx.array, mx.array]],
        caches: Sequence[object],
        dtype: mx.Dtype,
    ) -> None:
        self._layout = layout
        self._layer = layer
        self._alone = alone
        self._caches = caches
        self.dtype = dtype

    def astype(self, dtype: mx.Dtype) -> _Attending:
        """The same with keys of another type. (Models ask it of keys alone.)"""
        return _Attending(self._layout, self._layer, self._alone, self._caches, dtype)

    def attend(self, queries: mx.array, scale: float, mask: object, sinks: mx.array | None) -> mx.array:
        masks = mask if isinstance(mask, _Masks) else _Masks(None, [None] * len(self._alone))
        found: list[mx.array] = []
        if self._alone:
            parts = zip(self._layout.rows_alone(queries), self._alone, self._caches, masks.alone, strict=True)
            found += [
                attend_alone(query, keys.astype(self.dtype), values, cache, scale, own, sinks)
                for query, (keys, values), cache, own in parts
            ]
        for part, own in zip(self._layout.slabs, self._queries_of_slabs(queries), strict=True):
            keys, values = part.slab.held(self._layer, part.longest, part.span)
            found.append(
                attend_alone(own, keys.astype(self.dtype), values, None, scale, part.mask(masks.window), sinks)
            )
        return self._layout.in_tokens(found)

    def _queries_of_slabs(self, queries: mx.array) -> list[mx.array]:
        return self._layout.by_slot(queries) if self._layout.slabs else []


@final
class RowStates:
    """States of one layer that do not grow, mlx-lm's `ArraysCache`: joined when read, taken apart when written."""

    lengths = None
    left_padding = None

    def __init__(self, rows: Sequence[Any]) -> None:
        self._rows = rows

    def __getitem__(self, index: int) -> mx.array | None:
        states = [row[index] for row in self._rows]
        known = next((state for state in states if state is not None), None)
        if known is None:
            return None
        return mx.concatenate([mx.zeros_like(known) if state is None else state for state in states], axis=0)

    def __setitem__(self, index: int, states: mx.array) -> None:
        for row, state in zip(self._rows, _rows(states, len(self._rows)), strict=True):
            row[index] = state

    def make_mask(self, tokens: int) -> None:
        """No row is padded."""
        del tokens

    def advance(self, tokens: int) -> None:
        """Each row does."""
        for row in self._rows:
            row.advance(tokens)


@final
class RowParts:
    """Several caches of one layer, mlx-lm's `CacheList`."""

    def __init__(self, caches: tuple[object, ...]) -> None:
        self.caches = caches

    def __getitem__(self, index: int) -> object:
        return self.caches[index]


def _kept(part: mx.array) -> mx.array:
    """In memory of its own if there are several tokens: a cache may keep what it is given, and with it all rows'."""
    return part if part.shape[2] == 1 else part * mx.array(1, part.dtype)


def _rows(values: mx.array, count: int) -> list[mx.array]:
    """Views of one row each."""
    return cast("list[mx.array]", mx.split(values, count, axis=0))
