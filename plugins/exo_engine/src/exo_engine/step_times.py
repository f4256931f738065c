"""How long steps of a size take on each stage: measured at warm-up, and refined by those that were really made."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections import deque
from collections.abc import Sequence
from statistics import median
from typing import final

_RECENT = 9
"""Steps whose median counts."""


@final
class StepTimes:
    """Seconds by size. Nothing is interpolated: step time against size is not always monotonic."""

    def __init__(self, tables: Sequence[Sequence[tuple[int, float]]]) -> None:
        """`tables[stage]` is (size, seconds) as measured at warm-up; it may be empty."""
        self._recent: list[dict[int, deque[float]]] = [
            {size: deque([seconds], _RECENT) for size, seconds in table} for table in tables
        ]
        self._known: list[dict[int, float]] = [dict(table) for table in tables]
        self._sizes = [sorted(known) for known in self._known]

    @property
    def stages(self) -> int:
        """How many tables there are."""
        return len(self._known)

    def note(self, size: int, seconds: Sequence[float]) -> None:
        """A step of that size took so long on each stage."""
        for stage, took in enumerate(seconds[: self.stages]):
            recent = self._recent[stage].get(size)
            if recent is None:
                recent = self._recent[stage][size] = deque(maxlen=_RECENT)
                self._sizes[stage].insert(bisect_left(self._sizes[stage], size), size)
            recent.append(took)
            self._known[stage][size] = median(recent)

    def seconds(self, stage: int, size: int) -> float | None:
        """What a step of that size counts as: the next larger one that is known; None if nothing is.

        Beyond the largest one known, as many times that as it has to be made.
        """
        sizes, known = self._sizes[stage], self._known[stage]
        if not sizes:
            return None
        at = bisect_left(sizes, size)
        return known[sizes[at]] if at < len(sizes) else known[sizes[-1]] * -(-size // sizes[-1])

    def hoped(self, stage: int, size: int) -> float | None:
        """What a step of that size may take at best: as long as the next smaller one that is known."""
        sizes, known = self._sizes[stage], self._known[stage]
        at = bisect_right(sizes, size)
        return known[sizes[at - 1]] if at else self.seconds(stage, size)
