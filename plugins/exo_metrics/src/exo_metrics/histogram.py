"""A histogram as Prometheus has it: how many values lie below each bound, how many there are, and their sum."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from typing import final


@final
class Histogram:
    """`bounds` are upper ones, rising. What lies above the last is counted too."""

    def __init__(self, bounds: Sequence[float]) -> None:
        self._bounds = tuple(bounds)
        self._counts = [0] * (len(bounds) + 1)
        self.total = 0.0

    def add(self, value: float) -> None:
        """One value."""
        self._counts[bisect_left(self._bounds, value)] += 1
        self.total += value

    def add_counts(self, counts: Sequence[int], total: float) -> None:
        """Values that were counted elsewhere by the same bounds; `total` is their sum."""
        for index, count in enumerate(counts):
            self._counts[index] += count
        self.total += total

    def buckets(self) -> list[tuple[str, float]]:
        """Bound to the number of values up to it, the last bound being +Inf."""
        names = [*(str(float(bound)) for bound in self._bounds), "+Inf"]
        return [(name, float(sum(self._counts[: index + 1]))) for index, name in enumerate(names)]
