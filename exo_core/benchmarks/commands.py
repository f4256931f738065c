"""How long does a command take until it is on two disks of a cluster of three, and how many events a second go through?

    uv run python exo_core/benchmarks/commands.py [--seconds 10] [--runs 5]

Real nodes; a plugin in them gives the commands, so that no HTTP is measured. `--runs`: of many at once, by turns at the
master and at a follower; medians are held against what was promised.
"""

from __future__ import annotations

import argparse
import statistics

from echo_cluster import echo_cluster
from figures import show, show_value

from exo_core.testing.reliability.flooding import flood


def main() -> None:
    """One command after the other at the master and at a follower, then many at once."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=10.0)
    parser.add_argument("--runs", type=int, default=5)
    options = parser.parse_args()
    with echo_cluster(3) as cluster:
        master = cluster.master()
        follower = cluster.others(master)[0]
        for who, node in (("the master", master), ("a follower", follower)):
            times = [1000 * seconds for seconds in flood(node, seconds=options.seconds, at_once=1).times]
            show(f"a command acknowledged on 2 disks, given at {who}", times, "ms", promised="p50 ≤ 10 ms")
        rates: dict[str, list[float]] = {"the master": [], "a follower": []}
        for _ in range(options.runs):
            for who, node in (("the master", master), ("a follower", follower)):
                result = flood(node, seconds=options.seconds, at_once=256)
                rates[who].append(result.events / result.took)
        for who, runs in rates.items():
            print(f"  runs: {' '.join(f'{run:.0f}' for run in runs)}")
            rate = statistics.median(runs)
            show_value(f"sustained, given at {who}", rate, "events/s", promised="≥ 2,000", reached=rate >= 2000)


if __name__ == "__main__":
    main()
