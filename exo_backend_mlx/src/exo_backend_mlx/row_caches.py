"""Caches of several sequences, seen by mlx-lm's models as one: a pass over one token of each.

Each sequence keeps caches of its own, of mlx-lm's kinds; these classes stand in front of them for one pass. So linear
layers compute all rows at once, attention looks at each row's own keys and values, and no sequence's caches are copied
when another joins, leaves or is forked.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, cast, final

import mlx.core as mx

from exo_backend_mlx.mlx_lm_facade.attention import attend_alone
from exo_backend_mlx.mlx_lm_facade.models import Cache
from exo_backend_mlx.padded_rows import PaddedRowsCache


def caches_of_rows(sequences: Sequence[Sequence[Cache]], *, padded: bool = False) -> list[Cache]:
    """One cache per layer for a pass over one token of each sequence; what a sequence's layers share, these share.

    `padded`: keys and values are given in one array, for architectures that compute attention themselves.
    """
    made: dict[int, object] = {}
    for layer in zip(*sequences, strict=True):
        if id(layer[0]) not in made:
            made[id(layer[0])] = _in_front_of(layer, padded=padded)
    return [cast("Cache", made[id(cache)]) for cache in sequences[0]]


def _in_front_of(rows: Sequence[Cache], *, padded: bool) -> object:
    first = cast("Any", rows[0])
    if hasattr(first, "caches"):  # mlx-lm's CacheList
        return _RowsCacheList(rows, padded=padded)
    if hasattr(first, "cache"):  # mlx-lm's ArraysCache
        return _RowStates(rows)
    return PaddedRowsCache(rows) if padded else RowsCache(rows)


@final
class RowsCache:
    """Keys and values of one layer."""

    def __init__(self, rows: Sequence[Cache]) -> None:
        self._rows = cast("Sequence[Any]", rows)
        self._offset: mx.array | None = None

    @property
    def offset(self) -> mx.array:
        """Tokens in each row's cache, (rows,)."""
        if self._offset is None:
            self._offset = mx.array([row.offset for row in self._rows])
        return self._offset

    def make_mask(self, tokens: int, **wanted: object) -> list[object] | None:
        """What each row's own cache gives, to be handed back to `attend`; None if all give none."""
        masks = [row.make_mask(tokens, **wanted) for row in self._rows]
        return None if all(mask is None for mask in masks) else masks

    def update_and_fetch(self, keys: mx.array, values: mx.array) -> tuple[_RowsToAttend, _RowsToAttend]:
        """Add one token's keys and values, (rows, heads, 1, head size), to each row."""
        count, self._offset = len(self._rows), None
        parts = zip(self._rows, _rows(keys, count), _rows(values, count), strict=True)
        held = _RowsToAttend(self._rows, [row.update_and_fetch(key, value) for row, key, value in parts])
        return held, held


@final
class _RowsToAttend:
    def __init__(self, rows: Sequence[object], held: Sequence[tuple[object, object]]) -> None:
        self._rows = rows
        self._held = held

    def attend(self, queries: mx.array, scale: float, mask: object, sinks: mx.array | None) -> mx.array:
        masks = cast("list[object]", mask) if isinstance(mask, list) else [None] * len(self._held)
        parts = zip(_rows(queries, len(self._held)), self._held, self._rows, masks, strict=True)
        return mx.concatenate(
            [attend_alone(query, *held, row, scale, own, sinks) for query, held, row, own in parts], axis=0
        )


@final
class _RowStates:
    """States of one layer that do not grow, mlx-lm's `ArraysCache`: joined when read, taken apart when written."""

    lengths = None
    left_padding = None

    def __init__(self, rows: Sequence[Cache]) -> None:
        self._rows = cast("Sequence[Any]", rows)

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
class _RowsCacheList:
    """Several caches of one layer, mlx-lm's `CacheList`."""

    def __init__(self, rows: Sequence[Cache], *, padded: bool) -> None:
        parts = zip(*(cast("Any", row).caches for row in rows), strict=True)
        self.caches = tuple(_in_front_of(cast("Sequence[Cache]", part), padded=padded) for part in parts)

    def __getitem__(self, index: int) -> object:
        return self.caches[index]


def _rows(values: mx.array, count: int) -> list[mx.array]:
    """Views of one row each."""
    return cast("list[mx.array]", mx.split(values, count, axis=0))
