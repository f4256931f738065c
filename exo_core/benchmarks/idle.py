"""What does an idle cluster of three cost: CPU per node, and entries in the log?

uv run python exo_core/benchmarks/idle.py [--seconds 60]
"""

from __future__ import annotations

import argparse
import time
from typing import cast

import psutil
from echo_cluster import EchoCluster, echo_cluster
from figures import show_value

from exo_core.testing.node_process import NodeProcess


def main() -> None:
    """Let them rest, then look twice."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=60.0)
    options = parser.parse_args()
    with echo_cluster(3) as cluster:
        cluster.master()
        time.sleep(3)  # what was just started may settle
        before = look(cluster)
        time.sleep(options.seconds)
        after = look(cluster)
        for node, (cpu, _), (later, _) in zip(cluster.nodes, before, after, strict=True):
            share = 100 * (later - cpu) / options.seconds
            role = "master" if node.master == node.node_id else "follower"
            show_value(f"idle {role} {node.name}", share, "% of a core", promised="≤ 2 %", reached=share <= 2)
        events = 60 * (after[0][1] - before[0][1]) / options.seconds
        show_value("events while idle", events, "per minute", promised="0", reached=events == 0)


def look(cluster: EchoCluster) -> list[tuple[float, int]]:
    """CPU seconds and log length of each node."""
    return [(cpu_seconds(node), log_length(node)) for node in cluster.nodes]


def cpu_seconds(node: NodeProcess) -> float:
    """What its process used so far."""
    times = psutil.Process(node.process.pid).cpu_times()
    return times.user + times.system


def log_length(node: NodeProcess) -> int:
    """How many entries it has."""
    return cast("int", cast("dict[str, object]", node.state["log"])["length"])


if __name__ == "__main__":
    main()
