"""How many messages does an idle cluster of 64 cost each node? Simulated: the real control plane, a virtual clock.

uv run python exo_core/benchmarks/heartbeats.py [--nodes 64] [--seconds 20]
"""

from __future__ import annotations

import argparse
from collections import Counter
from collections.abc import Callable
from functools import partial

from figures import show_value

from exo_core.election.messages import Heartbeat
from exo_core.identifiers import NodeId
from exo_core.testing.simulation.cluster import VirtualCluster

MOST_PER_NODE = 50
MOST_AT_MASTER = 600


def main() -> None:
    """Form the cluster, then count."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--nodes", type=int, default=64)
    parser.add_argument("--seconds", type=float, default=20.0)
    options = parser.parse_args()
    cluster = VirtualCluster(options.nodes)
    cluster.run(10.0)
    cluster.run_until_one_master(cluster.up)
    heartbeats, others = Counter[NodeId](), Counter[NodeId]()
    count(cluster, heartbeats, others)
    cluster.run(options.seconds)
    (master,) = map(NodeId, cluster.masters())
    at_master = heartbeats.pop(master) / options.seconds
    most = max(heartbeats.values()) / options.seconds
    per = "heartbeats/s, sent and received"
    show_value(f"most of {options.nodes - 1} followers", most, per, promised="≤ 50", reached=most <= MOST_PER_NODE)
    show_value("the master", at_master, per, promised="≤ 600", reached=at_master <= MOST_AT_MASTER)
    print(f"all else, telemetry above all: {max(others.values()) / options.seconds:.4g} messages/s at most")


def count(cluster: VirtualCluster, heartbeats: Counter[NodeId], others: Counter[NodeId]) -> None:
    """Count what is sent and received from now on, by node."""
    carry = cluster.network.carry

    def counting(sender: NodeId, to: NodeId, deliver: Callable[[], object]) -> None:
        carried = deliver.args if isinstance(deliver, partial) else ()
        counter = heartbeats if any(isinstance(item, Heartbeat) for item in carried) else others
        counter.update((sender, to))
        carry(sender, to, deliver)

    cluster.network.carry = counting


if __name__ == "__main__":
    main()
