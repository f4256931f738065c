"""How long the tokens of one request let wait for the next one: counted, not kept."""

from __future__ import annotations

from bisect import bisect_left
from typing import final

from exo_core.observations import GAP_BOUNDS_S


@final
class TokenGaps:
    """`counts` by `GAP_BOUNDS_S`, the last for longer ones; `seconds` is the sum of all."""

    def __init__(self) -> None:
        self.counts = [0] * (len(GAP_BOUNDS_S) + 1)
        self.seconds = 0.0
        self._last: dict[int, float] = {}
        """By choice, when its newest token came."""

    def token(self, choice: int, now: float) -> None:
        """A token of a choice came."""
        last = self._last.get(choice)
        self._last[choice] = now
        if last is not None:
            self.counts[bisect_left(GAP_BOUNDS_S, now - last)] += 1
            self.seconds += now - last
