"""Two stages on a core each, against one stage on one core: 128 streams that answer at once.

    uv run python plugins/exo_bench/benchmarks/two_stages_decode.py [--streams 128] [--tokens 40]

Counted are the tokens while every stream is answering, so prompts do not matter: they are short, and read in large
chunks, lest the first answers end before the last begin. Asked: 1.6.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial

from alternation import Runs, alternate, options, verdict
from cores import threads
from exo_sides import one_stage, two_stages
from many_streams import DECODE, TOTAL, LoadRun

from exo_backend_mlx.testing.benchmark_models import llama_134m
from exo_bench.ratios import ratio

ASKED = 1.6
WORDS = 1
CHUNK = 512
ONE, TWO = "one stage", "two stages"


def main() -> None:
    """Start both, alternate, print."""
    parser = options(__doc__, tokens=40)
    parser.add_argument("--streams", type=int, default=128)
    chosen = parser.parse_args()
    model = llama_134m(chosen.folder)
    with one_stage(model, threads(1), core=0) as alone, two_stages(model, threads(1)) as split:
        alone, split = alone.with_chunk(CHUNK), split.with_chunk(CHUNK)
        alternate(
            {
                ONE: LoadRun(alone.server, alone.model, chosen.streams, chosen.tokens, WORDS),
                TWO: LoadRun(split.server, split.model, chosen.streams, chosen.tokens, WORDS),
            },
            chosen.alternations,
            partial(judge, chosen.streams),
        )


def judge(streams: int, runs: Mapping[str, Runs]) -> None:
    """With the prompts, and without them where that can be said."""
    one, two = runs[ONE], runs[TWO]
    if not all(one[DECODE] + two[DECODE]):
        print(f"there was a run in which never all {streams} streams were answering: give it more --tokens")
    else:
        verdict(f"{streams} streams decoding, two stages / one", ratio(two[DECODE], one[DECODE]), ASKED)
    verdict("the same, prompts and stragglers counted", ratio(two[TOTAL], one[TOTAL]), ASKED)


if __name__ == "__main__":
    main()
