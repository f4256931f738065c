"""Storms run through the protocol: what they do not reach, they do not prove."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).parent
FEW = ("listed", str(HERE / "covering_storms.txt"))
MORE = ("run", "0", "36")
"""For when the protocol has changed, and with it what those few run through: see `find_covering_storms.py`."""
LEAST_PERCENT = 95.0
SETTINGS = HERE / "coverage.ini"


@pytest.mark.timeout(600)
def test_a_few_storms_run_through_nearly_all_of_the_protocol(tmp_path: Path) -> None:
    """Lines and branches, together."""
    data = f"--data-file={tmp_path / 'coverage'}"
    for storms in (FEW, MORE):
        coverage("run", data, "--append", "-m", "exo_core.testing.simulation", *storms)
        percent = float(coverage("report", data, "--format=total", "--fail-under=0"))
        print(f"{percent} % of the lines and branches of the protocol by: {' '.join(storms)}")
        if percent >= LEAST_PERCENT:
            return
    pytest.fail(coverage("report", data, "--fail-under=0"))


def coverage(command: str, *arguments: str) -> str:
    """What it prints."""
    line = [sys.executable, "-m", "coverage", command, f"--rcfile={SETTINGS}", *arguments]
    return subprocess.run(line, check=True, capture_output=True, text=True).stdout
