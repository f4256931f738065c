"""What does a second stage cost per token? `tiny` on one node and over two, alternating, through HTTP on loopback.

    uv run python plugins/exo_engine/benchmarks/second_stage.py [--alternations 6] [--tokens 500]

A run's figure is the median of the gaps between the tokens of one streamed answer. Asked: at most 0.5 ms more with two
stages than with one.
"""

from __future__ import annotations

import statistics
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2] / "exo_bench" / "benchmarks"))

from alternation import Runs, alternate, options, verdict
from cores import threads
from exo_sides import one_stage, two_stages

from exo_bench.chat_server import ChatServer
from exo_bench.prompts import chat_request
from exo_bench.ratios import difference

ASKED_MS = 0.5
ONE, TWO = "one stage", "two stages"
GAP, SPEED = "gap p50 ms", "tokens/s"


@dataclass(frozen=True)
class GapRun:
    """One stream after the other; the first tokens, which come with the prompt, are left out."""

    server: ChatServer
    model: str
    tokens: int

    def __call__(self, number: int) -> dict[str, float]:
        """Ask. The prompt is the same every time: what is measured begins behind it."""
        answer = self.server.ask(chat_request(self.model, "What is exo?", self.tokens))
        gaps = [1000 * (later - earlier) for earlier, later in pairwise(answer.arrivals[2:])]
        return {GAP: statistics.median(gaps), SPEED: 1000 / statistics.fmean(gaps), "gaps": len(gaps)}


def judge(runs: Mapping[str, Runs]) -> None:
    """By the difference of each alternation."""
    verdict("a second stage", difference(runs[TWO][GAP], runs[ONE][GAP]), ASKED_MS, "at most", "ms a token more")


def main() -> None:
    """Start both, alternate, print."""
    chosen = options(__doc__, tokens=500, alternations=6).parse_args()
    environment = threads(chosen.threads)
    with one_stage("tiny", environment) as alone, two_stages("tiny", environment, pinned=False) as split:
        sides = {
            ONE: GapRun(alone.server, alone.model, chosen.tokens),
            TWO: GapRun(split.server, split.model, chosen.tokens),
        }
        alternate(sides, chosen.alternations, judge)


if __name__ == "__main__":
    main()
