"""The simulator itself: what it does without faults, and that a seed is a seed."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from exo_core.testing.simulation.report import Report
from exo_core.testing.simulation.simulate import MODES, Consistency, simulate

FAULT_FREE_SEED = 0


@pytest.mark.parametrize("consistency", MODES)
def test_without_faults_everything_is_acknowledged_placed_and_kept(consistency: Consistency) -> None:
    report = simulate(FAULT_FREE_SEED, consistency, faults=False)
    assert report.violation is None
    assert report.acknowledged > report.offered > 10, "commands are acknowledged too"
    assert report.perished == report.reordered == 0
    assert report.runners > 0


def test_the_same_seed_is_the_same_run_in_every_process() -> None:
    """Also where strings hash differently, and so sets have another order."""
    traces = {replay(seed=5, hashes=hashes).trace for hashes in ("1", "2")}
    assert traces == {simulate(5, "availability").trace}


def replay(seed: int, hashes: str) -> Report:
    command = [sys.executable, "-m", "exo_core.testing.simulation", "run", str(seed), str(seed + 1)]
    environment = {**os.environ, "PYTHONHASHSEED": hashes}
    done = subprocess.run(command, capture_output=True, text=True, check=True, env=environment)
    return Report.model_validate_json(done.stdout.splitlines()[0])
