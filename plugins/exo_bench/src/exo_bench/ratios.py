"""How do two sides that ran in turn compare, and how sure is that?

The figure is the median of the ratios of each alternation: what slows the machine for a minute slows both runs of one
alternation. Its 95 % interval is the percentile bootstrap (Efron, "Bootstrap methods: another look at the jackknife",
1979): alternations are drawn again with replacement, and the middle 95 % of the medians are taken.
"""

from __future__ import annotations

import random
import statistics
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

from exo_bench.percentiles import percentile

RESAMPLES = 10_000


@dataclass(frozen=True)
class Interval:
    """A median and its 95 % interval."""

    median: float
    low: float
    high: float

    def __str__(self) -> str:
        return f"{self.median:.3g} [{self.low:.3g}, {self.high:.3g}]"


def ratio(ours: Sequence[float], theirs: Sequence[float], *, seed: int = 0) -> Interval:
    """Ours over theirs, alternation by alternation. Raises `ValueError` when runs do not pair, or there are none."""
    return _interval([mine / other for mine, other in zip(ours, theirs, strict=True)], seed)


def difference(ours: Sequence[float], theirs: Sequence[float], *, seed: int = 0) -> Interval:
    """Ours minus theirs, alternation by alternation. Raises `ValueError` as `ratio` does."""
    return _interval([mine - other for mine, other in zip(ours, theirs, strict=True)], seed)


def spread(runs: Sequence[float], *, seed: int = 0) -> Interval:
    """Of one side alone. Raises `ValueError` when there are no runs."""
    return _interval(list(runs), seed)


def is_met(measured: Interval, figure: float, kind: Literal["at least", "at most"]) -> bool:
    """Whether the interval reaches the figure."""
    return measured.high >= figure if kind == "at least" else measured.low <= figure


def _interval(values: Sequence[float], seed: int) -> Interval:
    if not values:
        message = "no runs"
        raise ValueError(message)
    drawing = random.Random(seed)  # noqa: S311 — the same interval for the same runs
    medians = _resampled(values, statistics.median, drawing)
    return Interval(statistics.median(values), percentile(medians, 2.5), percentile(medians, 97.5))


def _resampled(
    values: Sequence[float], statistic: Callable[[Sequence[float]], float], drawing: random.Random
) -> list[float]:
    return [statistic(drawing.choices(values, k=len(values))) for _ in range(RESAMPLES)]
