"""Two stages, 1 to 64 streams: the number of micro-batches that the engine chooses, against the best fixed one.

    uv run python plugins/exo_bench/benchmarks/micro_batches.py [--streams 1,4,16,64] [--fixed 1,2,3]

A cluster for each fixed number (EXO_MICRO_BATCHES) and one that chooses, all in memory, one at a time at work. Asked:
0.95 of the best fixed number, whichever that is, at each number of streams.
"""

from __future__ import annotations

import importlib
import statistics
from contextlib import ExitStack

from alternation import alternate, options, verdict
from cores import threads
from exo_sides import Placed, two_stages
from many_streams import TOTAL, LoadRun

from exo_backend_mlx.testing.benchmark_models import llama_134m
from exo_bench.ratios import ratio

ASKED = 0.95
WORDS = 4
CHOICE = "our choice"
VARIABLE = "EXO_MICRO_BATCHES"


def main() -> None:
    """Start all, alternate for each number of streams, print."""
    parser = options(__doc__, tokens=32)
    parser.add_argument("--streams", default="1,2,4,8,16,32,64")
    parser.add_argument("--fixed", default="1,2,3")
    chosen = parser.parse_args()
    if getattr(importlib.import_module("exo_engine.pipeline"), "MICRO_BATCHES", None) != VARIABLE:
        print(f"this engine knows no {VARIABLE} yet: all sides below are the same")
    model = llama_134m(chosen.folder)
    with ExitStack() as up:
        clusters = {CHOICE: up.enter_context(two_stages(model, threads(1)))}
        for count in chosen.fixed.split(","):
            clusters[f"fixed {count}"] = up.enter_context(two_stages(model, {**threads(1), VARIABLE: count}))
        for streams in map(int, chosen.streams.split(",")):
            compare(clusters, streams, chosen.alternations, chosen.tokens)


def compare(clusters: dict[str, Placed], streams: int, alternations: int, tokens: int) -> None:
    """One number of streams."""
    sides = {name: LoadRun(placed.server, placed.model, streams, tokens, WORDS) for name, placed in clusters.items()}
    runs = alternate(sides, alternations)
    best = max((name for name in runs if name != CHOICE), key=lambda name: statistics.median(runs[name][TOTAL]))
    verdict(f"{streams} streams, our choice / {best}", ratio(runs[CHOICE][TOTAL], runs[best][TOTAL]), ASKED)


if __name__ == "__main__":
    main()
