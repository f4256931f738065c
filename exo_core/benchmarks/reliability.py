"""Every figure that the control plane promises, one after the other; `just reliability`. About ten minutes.

    uv run python exo_core/benchmarks/reliability.py [--quick]

The machine should have nothing else to do. `--quick`: fewer runs.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).parent
PARTS = (
    ("failover.py", ("--runs", "30"), ("--runs", "6")),
    ("runner_killed.py", ("--runs", "12"), ("--runs", "4")),
    ("commands.py", ("--seconds", "10", "--runs", "5"), ("--seconds", "4", "--runs", "2")),
    ("log_speed.py", (), ()),
    ("heartbeats.py", (), ()),
    ("idle.py", ("--seconds", "60"), ("--seconds", "20")),
)


def main() -> int:
    """Run each part in a process of its own; 1 when one of them broke."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true")
    options = parser.parse_args()
    broke = 0
    for script, usual, quick in PARTS:
        print(f"\n== {script}", flush=True)
        broke |= subprocess.run([sys.executable, str(HERE / script), *(quick if options.quick else usual)]).returncode
    return 1 if broke else 0


if __name__ == "__main__":
    sys.exit(main())
