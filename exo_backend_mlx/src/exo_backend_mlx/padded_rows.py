"""Keys and values of several sequences in one array, for architectures that compute attention themselves.

Those do more with keys and values than hand them to mlx-lm's attention, so every pass puts the rows' own into one array
as long as the longest, and a mask hides what lies beyond each row's end.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, final

import mlx.core as mx


@final
class PaddedRowsCache:
    """mlx-lm's `KVCache` of several sequences for a pass over one token of each."""

    def __init__(self, rows: Sequence[Any]) -> None:
        self._rows = rows
        self._offset: mx.array | None = None

    @property
    def offset(self) -> mx.array:
        """Tokens in each row's cache, (rows,)."""
        if self._offset is None:
            self._offset = mx.array([row.offset for row in self._rows])
        return self._offset

    def make_mask(self, tokens: int, *, return_array: bool = False, window_size: int | None = None) -> mx.array:
        """Which keys each row may see after its next token, boolean (rows, 1, 1, longest row + 1)."""
        del tokens, return_array
        last = self.offset[:, None, None, None]
        keys = mx.arange(max(row.offset for row in self._rows) + 1)
        return (keys <= last) if window_size is None else (keys <= last) & (keys > last - window_size)

    def update_and_fetch(self, keys: mx.array, values: mx.array) -> tuple[mx.array, mx.array]:
        """Add one token's keys and values, (rows, heads, 1, head size); gives (rows, heads, longest row, head size)."""
        count, self._offset = len(self._rows), None
        for row, key, value in zip(self._rows, mx.split(keys, count), mx.split(values, count), strict=True):
            row.update_and_fetch(key, value)
        longest = max(row.offset for row in self._rows)
        return (
            mx.concatenate([_of_length(row.keys, longest) for row in self._rows]),
            mx.concatenate([_of_length(row.values, longest) for row in self._rows]),
        )


def _of_length(held: mx.array, length: int) -> mx.array:
    """The first `length` positions; what lies beyond the row's end is finite and masked."""
    missing = length - held.shape[2]
    return held[:, :, :length] if missing <= 0 else mx.pad(held, [(0, 0), (0, 0), (0, missing), (0, 0)])
