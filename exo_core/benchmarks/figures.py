"""How figures are printed: every run, then median and p99, beside what was promised."""

from __future__ import annotations

import statistics
from collections.abc import Sequence


def show(what: str, runs: Sequence[float], unit: str, *, promised: str, at_most: float | None = None) -> None:
    """All runs where they are few. `at_most`: what the p99 (of fewer than 100 runs the worst) is held against."""
    if len(runs) <= 50:
        print(f"  runs: {' '.join(f'{run:.3g}' for run in runs)}")
    ordered = sorted(runs)
    worst = ordered[min(len(ordered) - 1, int(len(ordered) * 0.99))]
    verdict = "" if at_most is None else " · reached" if worst <= at_most else " · MISSED"
    print(
        f"{what}: p50 {statistics.median(runs):.3g} {unit}, p99 {worst:.3g} {unit}, max {ordered[-1]:.3g} {unit} "
        f"({len(runs)} runs; promised: {promised}){verdict}",
        flush=True,
    )


def show_value(what: str, value: float, unit: str, *, promised: str, reached: bool) -> None:
    """A figure that is one number."""
    print(f"{what}: {value:.4g} {unit} (promised: {promised}) · {'reached' if reached else 'MISSED'}", flush=True)
