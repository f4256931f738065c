"""Into how many micro-batches decoding rows are best divided. Pure.

With m of them under way, each of ceil(n / m) rows, a round of all n rows takes as long as the slowest stage computes
on all m, or as one of them needs once around, whichever is longer. A small batch is bound by reading weights: half of
it takes as long as the whole, and one batch is best. A large one is bound by arithmetic, and as many batches as stages
keep every stage busy.
"""

from __future__ import annotations

from exo_engine.step_times import StepTimes

_AS_GOOD = 1.03
"""Times the best time: a number that promises this is as good. The present one stays, else the smallest goes."""


def choose_micro_batches(rows: int, times: StepTimes, *, link_seconds: float, present: int) -> int:
    """From 1 to twice the stages; `link_seconds` is what a step spends between stages on its way around."""
    most = min(rows, 2 * times.stages)
    promised = {batches: round_seconds(rows, batches, times, link_seconds) for batches in range(1, most + 1)}
    known = {batches: seconds for batches, seconds in promised.items() if seconds is not None}
    if not known:
        return 1
    good = [batches for batches, seconds in known.items() if seconds <= _AS_GOOD * min(known.values())]
    return present if present in good else good[0]


def round_seconds(rows: int, batches: int, times: StepTimes, link_seconds: float) -> float | None:
    """How long all rows need for one token each; None if nothing is known of a stage."""
    size = -(-rows // batches)
    each = [times.seconds(stage, size) for stage in range(times.stages)]
    known = [seconds for seconds in each if seconds is not None]
    if len(known) < len(each):
        return None
    return max(batches * max(known), sum(known) + link_seconds)
