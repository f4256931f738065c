"""Five hundred storms, half in each mode: nothing acknowledged is lost, nothing is doubled, all logs become one.

Seeds that failed once are in `failing_seeds.txt` for ever, and are run first.
"""

from __future__ import annotations

from pathlib import Path
from typing import cast

import pytest

from exo_core.testing.simulation.prove import replay_command, run_all
from exo_core.testing.simulation.report import summary_of
from exo_core.testing.simulation.simulate import MODES, Consistency, simulate

SEEDS = 250
"""Each in both modes."""
PROCESSES = 2


def failed_seeds() -> list[tuple[Consistency, int]]:
    lines = Path(__file__).with_name("failing_seeds.txt").read_text(encoding="utf-8").splitlines()
    words = [line.split("#")[0].split() for line in lines]
    return [(cast("Consistency", mode), int(seed)) for mode, seed in filter(None, words)]


def test_seeds_that_failed_once() -> None:
    assert failed_seeds()
    for consistency, seed in failed_seeds():
        assert consistency in MODES
        assert simulate(seed, consistency).violation is None, f"seed {seed}, {consistency}"


@pytest.mark.timeout(600)
def test_storms() -> None:
    summary = summary_of(run_all(0, SEEDS, PROCESSES))
    print(*summary.lines(), sep="\n")
    assert [f"{report.violation}: {replay_command(report)}" for report in summary.failures] == []
    assert summary.seeds == SEEDS * len(MODES)
    assert summary.acknowledged > 40 * SEEDS
