"""Eight streams at once on one node, against `mlx_lm.server`: all answered tokens over the time they all took.

    uv run python plugins/exo_bench/benchmarks/eight_streams.py [--streams 8]

134M Llama-like model in float32; same prompts, length, BLAS and threads on both sides. mlx_lm.server is sent no seed
(with one it answers one request after the other) and may decode and prefill all streams at once. Asked: 1.0, wanted:
1.1.
"""

from __future__ import annotations

from alternation import alternate, options, verdict
from cores import threads
from exo_sides import one_stage
from many_streams import TOTAL, LoadRun
from mlx_lm_sides import DEFAULT_MODEL, serving

from exo_backend_mlx.testing.benchmark_models import llama_134m
from exo_bench.ratios import ratio

ASKED, WANTED = 1.0, 1.1


def main() -> None:
    """Start both, alternate, print."""
    parser = options(__doc__, tokens=64)
    parser.add_argument("--streams", type=int, default=8)
    chosen = parser.parse_args()
    model, environment = llama_134m(chosen.folder), threads(chosen.threads)
    with one_stage(model, environment) as ours, serving(model, environment, streams=chosen.streams) as theirs:
        runs = alternate(
            {
                "exo": LoadRun(ours.server, ours.model, chosen.streams, chosen.tokens),
                "mlx_lm.server": LoadRun(theirs, DEFAULT_MODEL, chosen.streams, chosen.tokens),
            },
            chosen.alternations,
        )
    measured = ratio(runs["exo"][TOTAL], runs["mlx_lm.server"][TOTAL])
    verdict(f"{chosen.streams} streams, exo / mlx_lm.server", measured, ASKED)
    verdict(f"{chosen.streams} streams, wanted", measured, WANTED)


if __name__ == "__main__":
    main()
