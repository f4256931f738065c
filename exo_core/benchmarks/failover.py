"""How long is a cluster of three without a master, and how long until a healed one has one log again?

    uv run python exo_core/benchmarks/failover.py [--runs 20] [killed] [silent] [heal]

Each run kills the master (`kill -9`), or stops it (SIGSTOP), and waits until both others say who leads now; or parts
the master from the others until these have a new one, has both sides record something, heals, and waits until all
three have one master and one log. An instance of the echo backend lies on each node meanwhile: none may be reloaded.

A node that was stopped mistrusts its own clock for ten seconds after, and would judge others late: so the next run
waits for as long.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable

from echo_cluster import EchoCluster, echo_cluster, seconds_until
from figures import show, show_value

from exo_core.testing.node_process import NodeProcess, eventually
from exo_core.testing.reliability.flooding import flood

MISTRUST_S = 10.5


def main() -> None:
    """Measure what was asked for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=20)
    parser.add_argument("what", nargs="*", default=["killed", "silent", "heal"])
    options = parser.parse_args()
    with echo_cluster(3, transport="chaos") as cluster:
        for node in cluster.nodes:
            node.place(cluster.model, "--nodes", node.name)
        if "killed" in options.what:
            runs = [killed(cluster) for _ in range(options.runs)]
            show("master killed → new master", runs, "s", promised="p99 ≤ 1.0 s", at_most=1.0)
        if "silent" in options.what:
            reloads = Reloads(cluster)
            runs = [silent(cluster) for _ in range(max(1, options.runs // 2))]
            show("silent master → new master", runs, "s", promised="p99 ≤ 2.5 s", at_most=2.5)
            reloads.show("silent masters")
        if "heal" in options.what:
            reloads = Reloads(cluster)
            runs = [healed(cluster) for _ in range(options.runs)]
            show("heal → one log", runs, "s", promised="p99 ≤ 5 s", at_most=5.0)
            reloads.show("partitions and heals")


class Reloads:
    """Which runner processes there are, then and now."""

    def __init__(self, cluster: EchoCluster) -> None:
        self._cluster = cluster
        cluster.master()
        eventually(self._all_serve, "every node has its one runner, and probes no backend any more")
        self._before = self._pids()

    def _all_serve(self) -> bool:
        return all(len(node.runner_processes()) == 1 for node in self._cluster.nodes)

    def _pids(self) -> set[int]:
        return {runner.pid for node in self._cluster.nodes for runner in node.runner_processes()}

    def show(self, by: str) -> None:
        """How many are others."""
        self._cluster.master()
        eventually(self._all_serve, "every node has its one runner")
        count = len(self._before ^ self._pids())
        show_value(f"instances reloaded by {by}", count, "", promised="0", reached=count == 0)


def killed(cluster: EchoCluster) -> float:
    """One run."""
    old = cluster.master()
    look = new_master(cluster, old)
    old.kill()
    took = seconds_until(look, "a new master")
    old.start()
    return took


def silent(cluster: EchoCluster) -> float:
    """One run."""
    old = cluster.master()
    look = new_master(cluster, old)
    old.pause()
    took = seconds_until(look, "a new master")
    old.resume()
    cluster.master()
    time.sleep(MISTRUST_S)
    return took


def healed(cluster: EchoCluster) -> float:
    """One run."""
    old = cluster.master()
    others = cluster.others(old)
    look = new_master(cluster, old)
    cluster.chaos.part([old.node_id], [node.node_id for node in others])
    seconds_until(look, "a new master")
    for side in (old, others[0]):
        flood(side, seconds=0.1, at_once=4)
    cluster.chaos.heal()
    return seconds_until(cluster.agree, "one log")


def new_master(cluster: EchoCluster, old: NodeProcess) -> Callable[[], bool]:
    """Whether all others follow somebody else."""
    gone, others = old.node_id, cluster.others(old)

    def look() -> bool:
        masters = {node.master for node in others}
        return len(masters) == 1 and not masters & {gone, None}

    return look


if __name__ == "__main__":
    main()
