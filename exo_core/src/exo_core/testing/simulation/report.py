"""What came of one seed, and of many."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from exo_core.frozen import Frozen


class Report(Frozen):
    """One seed. `violation` says which promise was broken and how; None: none was."""

    seed: int
    consistency: Literal["availability", "majority"]
    faults: bool
    trace: str
    """A hash over everything that happened: the same for the same seed, on every machine."""
    virtual_s: float
    nodes: int
    offered: int
    acknowledged: int
    reordered: int
    """Acknowledged facts that stand later at the end; in `majority` only where a person accepted a loss."""
    given_up: int
    """Machines whose history could not become one with the others' after a person had accepted a loss."""
    perished: int
    """Acknowledged facts all of whose holders were destroyed, damaged or sent away: the contract allows their loss."""
    converged_s: float
    fulfilled_s: float
    runners: int
    violation: str | None = None


class Summary(Frozen):
    """Many seeds."""

    seeds: int
    virtual_hours: float
    acknowledged: int
    lost: int
    doubled: int
    reordered: int
    perished: int
    given_up: int
    converged_p50_s: float
    converged_p99_s: float
    converged_max_s: float
    failures: tuple[Report, ...]

    def lines(self) -> tuple[str, ...]:
        """For people."""
        return (
            f"{self.seeds} seeds, {self.virtual_hours:.1f} virtual hours, {self.acknowledged} facts acknowledged",
            f"lost {self.lost}, doubled {self.doubled}, reordered {self.reordered}; every holder gone: {self.perished}",
            f"histories given up after an accepted loss: {self.given_up}",
            f"one log p50 {self.converged_p50_s:.2f}, p99 {self.converged_p99_s:.2f}, max {self.converged_max_s:.2f}",
        )


def summary_of(reports: Sequence[Report]) -> Summary:
    """Of at least one report."""
    times = sorted(report.converged_s for report in reports)
    failures = tuple(report for report in reports if report.violation is not None)
    return Summary(
        seeds=len(reports),
        virtual_hours=sum(report.virtual_s for report in reports) / 3600,
        acknowledged=sum(report.acknowledged for report in reports),
        lost=_broken(failures, "lost"),
        doubled=_broken(failures, "doubled"),
        reordered=sum(report.reordered for report in reports),
        perished=sum(report.perished for report in reports),
        given_up=sum(report.given_up for report in reports),
        converged_p50_s=times[len(times) // 2],
        converged_p99_s=times[len(times) * 99 // 100],
        converged_max_s=times[-1],
        failures=failures,
    )


def _broken(failures: Sequence[Report], promise: str) -> int:
    return sum(1 for report in failures if (report.violation or "").startswith(promise))
