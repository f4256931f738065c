"""Two stages on a core each, against one stage on one core: a prompt of 2,000 tokens.

    uv run python plugins/exo_bench/benchmarks/two_stages_prefill.py [--chunks 128,256,512,1024]

Each side gets the size of chunks that is best for it, found in one run of each first. With K chunks two stages can be
2K/(K+1) times as fast at best (the first chunk has to reach the second stage), which is printed. Asked: 1.7.
"""

from __future__ import annotations

from alternation import alternate, options, verdict
from cores import threads
from exo_sides import Placed, one_stage, two_stages
from one_prompt import PREFILL, PromptRun

from exo_backend_mlx.testing.benchmark_models import llama_134m
from exo_bench.ratios import ratio

ASKED = 1.7


def with_best_chunk(name: str, placed: Placed, chunks: list[int], words: int) -> tuple[Placed, int]:
    """The placement whose chunks are best for this prompt. Prints what each size gave."""
    speeds: dict[int, float] = {}
    for chunk in chunks:
        placed = placed.with_chunk(chunk)
        speeds[chunk] = PromptRun(placed.server, placed.model, words, 1)(1000 + chunk)[PREFILL]
        print(f"{name}: chunks of {chunk}: {speeds[chunk]:.4g} tokens/s", flush=True)
    best = max(speeds, key=lambda chunk: speeds[chunk])
    return placed.with_chunk(best), best


def bound(tokens: int, chunk: int) -> float:
    """2K/(K+1) for K chunks."""
    chunks = -(-tokens // chunk)
    return 2 * chunks / (chunks + 1)


def main() -> None:
    """Start both, find the chunks, alternate, print."""
    parser = options(__doc__, tokens=1)
    parser.add_argument("--words", type=int, default=1980, help="of the prompt; the template adds some 20 tokens")
    parser.add_argument("--chunks", default="128,256,512,1024")
    chosen = parser.parse_args()
    chunks = [int(word) for word in chosen.chunks.split(",")]
    model = llama_134m(chosen.folder)
    with one_stage(model, threads(1), core=0) as alone, two_stages(model, threads(1)) as split:
        alone, alone_chunk = with_best_chunk("one stage ", alone, chunks, chosen.words)
        split, split_chunk = with_best_chunk("two stages", split, chunks, chosen.words)
        runs = alternate(
            {
                f"one stage, chunks of {alone_chunk}": PromptRun(alone.server, alone.model, chosen.words, 1),
                f"two stages, chunks of {split_chunk}": PromptRun(split.server, split.model, chosen.words, 1),
            },
            chosen.alternations,
        )
    one, two = (side[PREFILL] for side in runs.values())
    verdict("prefill, two stages / one", ratio(two, one), ASKED)
    print(f"two stages can reach {bound(chosen.words, split_chunk):.3g} with chunks of {split_chunk}")


if __name__ == "__main__":
    main()
