"""Storms run through the protocol: what they do not reach, they do not prove."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

STORMS = 36
LEAST_PERCENT = 95.0
SETTINGS = Path(__file__).with_name("coverage.ini")


@pytest.mark.timeout(300)
def test_a_few_storms_run_through_nearly_all_of_the_protocol(tmp_path: Path) -> None:
    """Lines and branches, together."""
    data = f"--data-file={tmp_path / 'coverage'}"
    storms = ["-m", "exo_core.testing.simulation", "run", "0", str(STORMS)]
    coverage("run", data, *storms)
    percent = float(coverage("report", data, "--format=total", "--fail-under=0"))
    print(f"{percent} % of the lines and branches of the protocol in {STORMS} storms of each mode")
    assert percent >= LEAST_PERCENT, coverage("report", data, "--fail-under=0")


def coverage(command: str, *arguments: str) -> str:
    """What it prints."""
    line = [sys.executable, "-m", "coverage", command, f"--rcfile={SETTINGS}", *arguments]
    return subprocess.run(line, check=True, capture_output=True, text=True).stdout
