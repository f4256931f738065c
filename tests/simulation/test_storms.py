"""Five hundred storms, half in each mode: nothing acknowledged is lost, nothing is doubled, all logs become one.

Seeds that failed once are in `failing_seeds.txt` for ever, and are run first.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from exo_core.testing.simulation.listed import listed_storms
from exo_core.testing.simulation.prove import replay_command, run_all
from exo_core.testing.simulation.report import summary_of
from exo_core.testing.simulation.simulate import MODES, simulate

SEEDS = 250
"""Each in both modes."""
PROCESSES = 2


def test_seeds_that_failed_once() -> None:
    failed = listed_storms(Path(__file__).with_name("failing_seeds.txt"))
    assert failed
    for consistency, seed in failed:
        assert simulate(seed, consistency).violation is None, f"seed {seed}, {consistency}"


@pytest.mark.timeout(600)
def test_storms() -> None:
    summary = summary_of(run_all(0, SEEDS, PROCESSES))
    print(*summary.lines(), sep="\n")
    assert [f"{report.violation}: {replay_command(report)}" for report in summary.failures] == []
    assert summary.seeds == SEEDS * len(MODES)
    assert summary.acknowledged > 40 * SEEDS
