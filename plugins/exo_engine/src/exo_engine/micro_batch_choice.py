"""Into how many micro-batches decoding rows are best divided. Pure.

With m of them under way, as even as may be, a round of all n rows takes as long as the slowest stage computes on all
m, or as the largest needs once around, whichever is longer. A small batch is bound by reading weights: half of
it takes as long as the whole, and one batch is best. A large one is bound by arithmetic, and as many batches as stages
keep every stage busy.

Nothing is interpolated: a size nobody measured counts as the next larger one. Where it would pay if it took as long as
the next smaller one, it is tried, and then it is known.
"""

from __future__ import annotations

from collections.abc import Callable

from exo_engine.step_times import StepTimes

_AS_GOOD = 1.01
"""Times the best time: a number that promises this is as good, and the smallest of those is taken."""
_NOT_WORTH_A_CHANGE = 1.03
"""The same for the present number, and for what must be hoped for before another one is tried."""

Seconds = Callable[[int, int], float | None]
"""Of a stage, for a size."""


def choose_micro_batches(rows: int, times: StepTimes, *, link_seconds: float, present: int) -> int:
    """From 1 to twice the stages; `link_seconds` is what a step spends between stages on its way around."""
    numbers = range(1, min(rows, 2 * times.stages) + 1)
    sure = _promised(numbers, rows, times.stages, times.seconds, link_seconds)
    if not sure:
        return 1
    best = min(sure.values())
    hoped = _promised(numbers, rows, times.stages, times.hoped, link_seconds)
    worth_trying = [number for number in numbers if hoped[number] * _NOT_WORTH_A_CHANGE < min(best, sure[number])]
    if worth_trying:
        return min(worth_trying, key=lambda number: hoped[number])
    return next(
        number
        for number, seconds in sure.items()
        if seconds <= best * (_NOT_WORTH_A_CHANGE if number == present else _AS_GOOD)
    )


def round_seconds(rows: int, batches: int, stages: int, seconds: Seconds, link_seconds: float) -> float | None:
    """How long all rows need for one token each; None if nothing is known of a stage."""
    small, larger_ones = divmod(rows, batches)
    large = small + (larger_ones > 0)
    around, busiest = link_seconds, 0.0
    for stage in range(stages):
        one, other = seconds(stage, large), seconds(stage, small) if larger_ones else 0.0
        if one is None or other is None:
            return None
        around += one
        busiest = max(busiest, larger_ones * one + (batches - larger_ones) * other if larger_ones else batches * one)
    return max(busiest, around)


def _promised(numbers: range, rows: int, stages: int, seconds: Seconds, link_seconds: float) -> dict[int, float]:
    promised = {number: round_seconds(rows, number, stages, seconds, link_seconds) for number in numbers}
    return {number: took for number, took in promised.items() if took is not None}
