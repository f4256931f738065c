"""What the stages' caches hold at most. Pure.

A sequence or a snapshot costs a stage a fixed number of bytes, some per token, and some per token until a window is
full. Costs of all stages together are added and compared; what fits the tightest fits.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import final

from exo_engine.steps import StageReport

_MOST_TOKENS = 2**40
"""More than any sequence has."""


@dataclass(frozen=True)
class Cost:
    """Bytes on each stage that knows its limit."""

    stages: tuple[int, ...]

    def __add__(self, other: Cost) -> Cost:
        return Cost(tuple(map(int.__add__, self.stages, other.stages)))

    def __sub__(self, other: Cost) -> Cost:
        return Cost(tuple(map(int.__sub__, self.stages, other.stages)))


@final
class CacheBudget:
    """The limits of all stages that know one."""

    def __init__(self, reports: Sequence[StageReport]) -> None:
        self._limited = tuple(report for report in reports if report.cache_bytes is not None)
        self._limits = tuple(report.cache_bytes or 0 for report in self._limited)
        self.nothing = Cost((0,) * len(self._limits))
        """What nobody costs."""

    def cost(self, tokens: int) -> Cost:
        """Of one sequence or snapshot of so many tokens."""
        return Cost(tuple(_bytes(report, tokens) for report in self._limited))

    def holds(self, cost: Cost) -> bool:
        """Whether what costs so much fits on every stage."""
        return all(held <= limit for held, limit in zip(cost.stages, self._limits, strict=True))

    @property
    def longest(self) -> int | None:
        """The longest sequence that fits alone, in tokens; None: no limit is known, or none that tokens reach."""
        return min(_reached(_longest(report) for report in self._limited), default=None)


def _bytes(report: StageReport, tokens: int) -> int:
    in_windows = sum(min(tokens, window) * per_token for window, per_token in report.windows)
    return report.bytes_per_sequence + tokens * report.bytes_per_token + in_windows


def _longest(report: StageReport) -> int:
    lengths = range(_MOST_TOKENS)
    return max(0, bisect_right(lengths, report.cache_bytes or 0, key=lambda tokens: _bytes(report, tokens)) - 1)


def _reached(lengths: Iterable[int]) -> Iterable[int]:
    return (length for length in lengths if length < _MOST_TOKENS - 1)
