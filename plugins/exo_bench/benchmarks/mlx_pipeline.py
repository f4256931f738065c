"""Two stages on a core each, against mlx-lm's own pipeline of two processes: 1, 8, 64 streams, and a long prompt.

    uv run python plugins/exo_bench/benchmarks/mlx_pipeline.py [--streams 1,8,64]

A Qwen2-like model, since mlx-lm cannot pipeline Llama. Its server runs over a ring on loopback, without TLS, and may
decode and prefill as many streams as are asked. It is stopped while exo runs, since it spins when it waits. Asked: 1.0,
1.0, 1.3 with 1, 8, 64 streams, and 1.3 for prefill. Where mlx-lm refuses or breaks off, that is printed.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path

from alternation import Run, Runs, alternate, options, verdict
from cores import threads
from exo_sides import Placed, two_stages
from many_streams import TOTAL, LoadRun
from mlx_lm_sides import DEFAULT_MODEL, pipeline_of_two
from one_prompt import PREFILL, PromptRun

from exo_backend_mlx.testing.benchmark_models import qwen2_134m
from exo_bench.chat_server import ChatServer, ServerError
from exo_bench.ratios import ratio

ASKED = {1: 1.0, 8: 1.0, 64: 1.3}
ASKED_PREFILL = 1.3
OURS, THEIRS = "exo", "mlx-lm's pipeline"
WORDS = 12


def main() -> None:
    """Start ours once and theirs for each number of streams, alternate, print."""
    parser = options(__doc__, tokens=32)
    parser.add_argument("--streams", default="1,8,64")
    parser.add_argument("--words", type=int, default=1980, help="of the long prompt")
    chosen = parser.parse_args()
    model, count = qwen2_134m(chosen.folder), chosen.alternations
    with two_stages(model, threads(1)) as ours:
        for streams in map(int, chosen.streams.split(",")):

            def load(server: ChatServer, name: str, streams: int = streams) -> Run:
                return LoadRun(server, name, streams, chosen.tokens, WORDS)

            compare(f"{streams} streams", ours, model, load, TOTAL, streams, ASKED.get(streams, 1.0), count)

        def prompt(server: ChatServer, name: str) -> Run:
            return PromptRun(server, name, chosen.words, 1)

        compare(f"prefill of {chosen.words} words", ours, model, prompt, PREFILL, 1, ASKED_PREFILL, count)


def compare(
    what: str,
    ours: Placed,
    model: Path,
    side: Callable[[ChatServer, str], Run],
    figure: str,
    streams: int,
    asked: float,
    alternations: int,
) -> None:
    """One line of the table; theirs may fail, and says why."""
    print(what, flush=True)
    try:
        with pipeline_of_two(model, threads(1), streams=streams) as theirs:
            their_side = theirs.alone_awake(side(theirs.server, DEFAULT_MODEL))
            sides = {OURS: side(ours.server, ours.model), THEIRS: their_side}
            alternate(sides, alternations, partial(judge, what, figure, asked))
    except (ServerError, RuntimeError) as problem:
        print(f"{what}: no ratio, since mlx-lm's pipeline (or exo) failed: {problem}", flush=True)


def judge(what: str, figure: str, asked: float, runs: Mapping[str, Runs]) -> None:
    """By one figure."""
    verdict(f"{what}, exo / mlx-lm's pipeline", ratio(runs[OURS][figure], runs[THEIRS][figure]), asked)


if __name__ == "__main__":
    main()
