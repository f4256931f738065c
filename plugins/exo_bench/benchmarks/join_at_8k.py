"""Does a stream that joins or leaves copy the caches of those that go on? A stream with 8,000 tokens shows it.

    uv run python plugins/exo_bench/benchmarks/join_at_8k.py [--words 7980] [--joins 20]

While the long stream answers, short ones join and leave, one after the other. The longest gap of the long stream around
each join holds a step, the reading of the short prompt, and what the join itself costs; the same joins beside a
stream of a few tokens hold the first two alone. What is left must be at most one step's time at 8,000 tokens.
"""

from __future__ import annotations

import random
import time
from pathlib import Path

from alternation import options, verdict
from cores import threads
from exo_sides import Placed, one_stage
from running_stream import running_stream

from exo_backend_mlx.testing.benchmark_models import llama_134m
from exo_bench.percentiles import percentile
from exo_bench.prompts import chat_request, random_words
from exo_bench.ratios import Interval, difference, spread

SHORT_WORDS, SHORT_TOKENS = 4, 8


def extra_ms(placed: Placed, words: int, joins: int, name: str) -> tuple[list[float], float]:
    """Beside a stream with so long a prompt: what each join added to its longest gap, and a step's time, in ms."""
    drawing = random.Random(words)
    found: list[float] = []
    with running_stream(placed.server, placed.model, random_words(drawing, words), 5000) as stream:
        stream.wait_for(30)
        step = percentile(stream.gaps_between(0, time.perf_counter())[3:], 50)
        for number in range(joins + 1):
            begin = time.perf_counter()
            body = chat_request(placed.model, random_words(drawing, SHORT_WORDS), SHORT_TOKENS)
            placed.server.ask(body)
            stream.wait_for(3)
            longest = max(stream.gaps_between(begin, time.perf_counter()))
            print(
                f"{name}: join {number}: longest gap {1000 * longest:.1f} ms, a step {1000 * step:.1f} ms", flush=True
            )
            found.extend([1000 * (longest - step)] if number else [])
    return found, 1000 * step


def main() -> None:
    """First beside a short stream, then beside the long one."""
    parser = options(__doc__, tokens=1)
    parser.add_argument("--words", type=int, default=7980, help="of the long stream's prompt")
    parser.add_argument("--joins", type=int, default=20)
    chosen = parser.parse_args()
    measured, step = measure(llama_134m(chosen.folder), chosen.threads, chosen.words, chosen.joins)
    verdict(
        f"a join at {chosen.words} tokens costs more than one beside a short stream", measured, step, "at most", "ms"
    )


def measure(model: Path, thread_count: int, words: int, joins: int) -> tuple[Interval, float]:
    """What a join costs more beside the long stream, in ms, and one step's time there."""
    with one_stage(model, threads(thread_count)) as placed:
        short, short_step = extra_ms(placed, 24, joins, "short")
        long, long_step = extra_ms(placed, words, joins, "long ")
    print(f"a step: {short_step:.1f} ms beside a short stream, {long_step:.1f} ms beside a long one")
    print(f"a join adds {spread(short)} ms beside a short stream, {spread(long)} ms beside a long one")
    return difference(long, short), long_step


if __name__ == "__main__":
    main()
