"""One stream on one node, against mlx_lm.server as it comes from PyPI: no fast BLAS, weights in bf16.

    uv run python plugins/exo_bench/benchmarks/stock_server.py

What a user of a Linux machine gets today from either, with the defaults of both: the same 134M model as it would be
published, in bf16. Asked: 2.5 times the decode speed, 10 times the prefill speed.
"""

from __future__ import annotations

from alternation import alternate, options, verdict
from cores import THREADS_BY_DEFAULT
from exo_sides import one_stage
from mlx_lm_sides import DEFAULT_MODEL, serving
from one_prompt import DECODE, PREFILL, PromptRun

from exo_backend_mlx.testing.benchmark_models import llama_134m
from exo_bench.ratios import ratio

ASKED = {DECODE: 2.5, PREFILL: 10.0}
STOCK = {**THREADS_BY_DEFAULT, "EXO_MLX_BLAS": "off"}


def main() -> None:
    """Start both, alternate, print."""
    parser = options(__doc__, tokens=16)
    parser.add_argument("--words", type=int, default=128, help="of the prompt")
    chosen = parser.parse_args()
    model = llama_134m(chosen.folder, "bfloat16")
    with one_stage(model, THREADS_BY_DEFAULT) as ours, serving(model, STOCK) as theirs:
        runs = alternate(
            {
                "exo": PromptRun(ours.server, ours.model, chosen.words, chosen.tokens),
                "stock mlx_lm.server": PromptRun(theirs, DEFAULT_MODEL, chosen.words, chosen.tokens),
            },
            chosen.alternations,
        )
    for figure, asked in ASKED.items():
        measured = ratio(runs["exo"][figure], runs["stock mlx_lm.server"][figure])
        verdict(f"{figure}, exo / stock mlx_lm.server", measured, asked)


if __name__ == "__main__":
    main()
