"""How long steps of a size take on each stage: measured at warm-up, and refined by those that were really made.

A warm-up is as slow as the machine was then: what other stages or programs took of it is in all its sizes. So where
real steps take less than it said of their sizes, as much less is believed of the others. Where they take more, nothing
is: it may be the size, and another one, once tried, is known.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections import deque
from collections.abc import Mapping, Sequence
from statistics import median
from typing import final

_RECENT = 9
"""Steps whose median counts."""


@final
class StepTimes:
    """Seconds by size. Nothing is interpolated: step time against size is not always monotonic."""

    def __init__(self, tables: Sequence[Sequence[tuple[int, float]]]) -> None:
        """`tables[stage]` is (size, seconds) as measured at warm-up; it may be empty."""
        self._stages = [_StageTimes(dict(table)) for table in tables]

    @property
    def stages(self) -> int:
        """How many tables there are."""
        return len(self._stages)

    def note(self, size: int, seconds: Sequence[float]) -> None:
        """A step of that size took so long on each stage."""
        for stage, took in zip(self._stages, seconds, strict=False):
            stage.note(size, took)

    def seconds(self, stage: int, size: int) -> float | None:
        """What a step of that size counts as: the next larger one that is known; None if nothing is.

        Beyond the largest one known, as many times that as it has to be made.
        """
        sizes, known = self._stages[stage].sizes, self._stages[stage].known
        if not sizes:
            return None
        at = bisect_left(sizes, size)
        return known[sizes[at]] if at < len(sizes) else known[sizes[-1]] * -(-size // sizes[-1])

    def hoped(self, stage: int, size: int) -> float | None:
        """What a step of that size may take at best: as long as the next smaller one that is known."""
        sizes, known = self._stages[stage].sizes, self._stages[stage].known
        at = bisect_right(sizes, size)
        return known[sizes[at - 1]] if at else self.seconds(stage, size)


@final
class _StageTimes:
    def __init__(self, warm: Mapping[int, float]) -> None:
        self._warm = warm
        self._recent: dict[int, deque[float]] = {}
        self._made: dict[int, float] = {}
        self.known = dict(warm)
        self.sizes = sorted(warm)

    def note(self, size: int, seconds: float) -> None:
        recent = self._recent.setdefault(size, deque(maxlen=_RECENT))
        recent.append(seconds)
        self._made[size] = median(recent)
        if size not in self.known:
            self.sizes.insert(bisect_left(self.sizes, size), size)
        parts = [took / self._warm[each] for each, took in self._made.items() if self._warm.get(each)]
        part = min(1.0, median(parts)) if parts else 1.0
        self.known = {each: took * part for each, took in self._warm.items()} | self._made
