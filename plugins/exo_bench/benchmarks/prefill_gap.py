"""How long does a running stream wait for its next token while a prompt of 4,000 tokens is read?

    uv run python plugins/exo_bench/benchmarks/prefill_gap.py [--stages 2]

134M Llama-like model in float32. Beside it mlx_lm.server with its own defaults (chunks of 2,048 tokens), the same BLAS
and threads. Asked of exo: p99 at most 0.5 s, the longest at most 0.75 s, over all alternations.
"""

from __future__ import annotations

import random
import time
from dataclasses import dataclass, field

from alternation import alternate, options
from cores import threads
from exo_sides import one_stage, two_stages
from mlx_lm_sides import DEFAULT_MODEL, serving
from running_stream import running_stream

from exo_backend_mlx.testing.benchmark_models import llama_134m
from exo_bench.chat_server import ChatServer
from exo_bench.percentiles import percentile
from exo_bench.prompts import chat_request, random_words

P99_S, LONGEST_S = 0.5, 0.75


@dataclass
class GapRun:
    """A side; `gaps` collects those of all counted runs."""

    server: ChatServer
    model: str
    words: int
    gaps: list[float] = field(default_factory=list[float])

    def __call__(self, number: int) -> dict[str, float]:
        """Start a stream, then send the long prompt."""
        drawing = random.Random(number)
        with running_stream(self.server, self.model, random_words(drawing, 24), 4000) as stream:
            stream.wait_for(16)
            begin = time.perf_counter()
            before = stream.gaps_between(0, begin)
            answer = self.server.ask(chat_request(self.model, random_words(drawing, self.words), 1))
            stream.wait_for(2)
            gaps = stream.gaps_between(begin, begin + answer.first_token_s)
        self.gaps.extend(gaps if number else ())
        return {
            "usual gap ms": 1000 * percentile(before, 50),
            "gaps": len(gaps),
            "p50 ms": 1000 * percentile(gaps, 50),
            "p99 ms": 1000 * percentile(gaps, 99),
            "longest ms": 1000 * max(gaps),
            "prompt read in s": answer.first_token_s,
        }


def main() -> None:
    """Start both, alternate, print."""
    parser = options(__doc__, tokens=1)
    parser.add_argument("--words", type=int, default=3980, help="of the long prompt; the template adds some 20 tokens")
    parser.add_argument("--stages", type=int, choices=(1, 2), default=1)
    chosen = parser.parse_args()
    model, environment = llama_134m(chosen.folder), threads(chosen.threads)
    placed = one_stage(model, environment) if chosen.stages == 1 else two_stages(model, environment)
    with placed as ours, serving(model, environment) as theirs:
        sides = {
            "exo": GapRun(ours.server, ours.model, chosen.words),
            "mlx_lm.server": GapRun(theirs, DEFAULT_MODEL, chosen.words),
        }
        alternate(sides, chosen.alternations)
    for name, side in sides.items():
        p99, longest = percentile(side.gaps, 99), max(side.gaps)
        said = "met" if p99 <= P99_S and longest <= LONGEST_S else "NOT MET"
        asked = f"(asked: p99 ≤ {P99_S} s, longest ≤ {LONGEST_S} s) · {said}" if name == "exo" else ""
        print(f"{name}: {len(side.gaps)} gaps, p99 {p99:.3f} s, longest {longest:.3f} s {asked}")


if __name__ == "__main__":
    main()
