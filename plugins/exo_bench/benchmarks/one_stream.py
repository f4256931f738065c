"""One stream on one node through HTTP, against `mlx_lm.generate` in process: decode tokens/s.

    uv run python plugins/exo_bench/benchmarks/one_stream.py [--model tiny|134m]

Same model, prompts, BLAS and threads on both sides; greedy, no end of text. Asked: 0.97 with the 134M model in
float32, 0.7 with `tiny`.
"""

from __future__ import annotations

import random
from pathlib import Path

from alternation import alternate, options, verdict
from cores import threads
from exo_sides import one_stage
from mlx_lm_sides import generating

from exo_backend_mlx.testing.benchmark_models import llama_134m
from exo_bench.chat_server import TimedAnswer
from exo_bench.prompts import chat_request, random_words
from exo_bench.ratios import ratio
from exo_source_tiny.embedded_model import EMBEDDED_FOLDER

ASKED = {"134m": 0.97, "tiny": 0.7}
WORDS = 24
DECODE = "decode tokens/s"


def figures(answer: TimedAnswer) -> dict[str, float]:
    """Of one answer."""
    return {DECODE: answer.decode_tokens_per_s, "first token ms": 1000 * answer.first_token_s}


def compare(name: str, alternations: int, tokens: int, thread_count: int, folder: Path) -> None:
    """Both sides at once in memory, one at a time at work."""
    model = "tiny" if name == "tiny" else str(llama_134m(folder))
    files = EMBEDDED_FOLDER if name == "tiny" else Path(model)
    environment = threads(thread_count)
    texts = [random_words(random.Random(number), WORDS) for number in range(alternations + 1)]
    with one_stage(model, environment) as ours, generating(files, environment) as theirs:
        runs = alternate(
            {
                "exo": lambda number: figures(ours.server.ask(chat_request(model, texts[number], tokens))),
                "mlx_lm.generate": lambda number: figures(theirs.ask(texts[number], tokens)),
            },
            alternations,
        )
    measured = ratio(runs["exo"][DECODE], runs["mlx_lm.generate"][DECODE])
    verdict(f"{name}: one stream, exo / mlx_lm.generate", measured, ASKED[name])


def main() -> None:
    """The models that were asked for."""
    parser = options(__doc__, tokens=0)
    parser.add_argument("--model", choices=sorted(ASKED), action="append", help="default: both")
    chosen = parser.parse_args()
    for name in chosen.model or sorted(ASKED):
        tokens = chosen.tokens or {"134m": 64, "tiny": 500}[name]
        compare(name, chosen.alternations, tokens, chosen.threads, chosen.folder)


if __name__ == "__main__":
    main()
