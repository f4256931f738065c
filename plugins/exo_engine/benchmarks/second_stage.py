"""What does a second stage cost per token? `tiny` on one node and over two, alternating, through HTTP on loopback.

    uv run python plugins/exo_engine/benchmarks/second_stage.py [--alternations 6] [--tokens 500]

Both clusters use one BLAS thread per runner. Printed are the gaps between tokens of each run, then the difference of
the medians.
"""

from __future__ import annotations

import argparse
import http.client
import json
import statistics
import tempfile
import time
from itertools import pairwise
from pathlib import Path

from exo_core.testing.node_process import NodeProcess, joined


def gaps_ms(node: NodeProcess, tokens: int) -> list[float]:
    """Milliseconds between the chunks of one streamed answer of that many tokens."""
    connection = http.client.HTTPConnection("127.0.0.1", node.port)
    body = {
        "model": "tiny",
        "messages": [{"role": "user", "content": "What is exo?"}],
        "stream": True,
        "max_tokens": tokens,
        "ignore_eos": True,
        "temperature": 0,
    }
    connection.request("POST", "/v1/chat/completions", json.dumps(body), {"Content-Type": "application/json"})
    answer, arrivals = connection.getresponse(), list[float]()
    while line := answer.readline():
        if line.startswith(b"data: {"):
            arrivals.append(time.perf_counter())
    connection.close()
    return [(later - earlier) * 1000 for earlier, later in pairwise(arrivals[2:])]


def main() -> None:
    """Start both clusters, alternate, print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--alternations", type=int, default=6)
    parser.add_argument("--tokens", type=int, default=500)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        nodes = [NodeProcess(Path(folder) / name, name) for name in ("alone", "first", "second")]
        try:
            alone, first, second = nodes
            alone.start()
            joined([first, second])
            alone.place("tiny")
            first.place("tiny", "--min-nodes", "2")
            compare(alone, first, options.alternations, options.tokens)
        finally:
            for node in nodes:
                node.kill()


def compare(alone: NodeProcess, split: NodeProcess, alternations: int, tokens: int) -> None:
    """Runs in turn; the first of each only warms up."""
    one: list[float] = []
    two: list[float] = []
    for number in range(alternations + 1):
        for name, node, gaps in (("one stage ", alone, one), ("two stages", split, two)):
            run = gaps_ms(node, tokens)
            print(f"{name}: {len(run)} gaps, p50 {statistics.median(run):.3f} ms, {1000 / statistics.fmean(run):.0f}/s")
            if number:
                gaps.extend(run)
    difference = statistics.median(two) - statistics.median(one)
    print(f"one {statistics.median(one):.3f} ms, two {statistics.median(two):.3f} ms: {difference:.3f} ms a token more")


if __name__ == "__main__":
    main()
