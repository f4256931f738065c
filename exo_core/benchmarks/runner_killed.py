"""A runner dies in the middle of an answer and a second replica lives: how long until the next token?

    uv run python exo_core/benchmarks/runner_killed.py [--runs 8]

Three nodes; two hold `tiny` whole, the third is the gateway. Each run kills the runner that answers (`kill -9`) and
measures the longest time without a token from then on (some were on their way); then the instance is placed anew.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from itertools import pairwise
from pathlib import Path

from figures import show

from exo_core.cli.documents import as_text, named_objects
from exo_core.testing.node_process import NodeProcess, eventually, joined
from exo_core.testing.reliability.recorded_stream import RecordedStream

TOKENS = 900
BEFORE = 50


def main() -> None:
    """Start, kill, print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=8)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        nodes = [NodeProcess(Path(folder) / name, name) for name in ("gateway", "first", "second")]
        try:
            joined(nodes)
            for node in nodes[1:]:
                node.place("tiny", "--nodes", node.name)
            gaps = [gap(nodes) for _ in range(options.runs)]
        finally:
            for node in nodes:
                node.power_off()
    show("runner killed → next token", gaps, "s", promised="≤ 1 s + prefill", at_most=1.0)


def gap(nodes: list[NodeProcess]) -> float:
    """One run."""
    gateway = nodes[0]
    stream = RecordedStream(gateway, "What is exo?", tokens=TOKENS)
    stream.wait_for_tokens(BEFORE)
    holder, instance = eventually(lambda: answering(nodes), "a runner that answers")
    (runner,) = holder.runner_processes()
    killed_at = time.monotonic()
    runner.kill()
    stream.wait_for_end()
    if not stream.is_complete or not stream.was_crossed_by(killed_at):
        raise SystemExit(stream.error or "the answer was over before its runner was killed")
    holder.exo("remove", instance)
    holder.place("tiny", "--nodes", holder.name)
    arrivals = [killed_at, *(token.arrived_at for token in stream.tokens if token.arrived_at > killed_at)]
    return max(later - earlier for earlier, later in pairwise(arrivals))


def answering(nodes: list[NodeProcess]) -> tuple[NodeProcess, str] | None:
    """Whose runner is busy, and with which instance."""
    for _, runner in named_objects(nodes[0].state["runners"]):
        if runner["status"] == "busy":
            return next(node for node in nodes if node.node_id == runner["node_id"]), as_text(runner["instance_id"])
    return None


if __name__ == "__main__":
    main()
