"""What penalties add to a step: tokens drawn for several rows, each with a long history, beside rows without penalties.

    uv run python exo_backend_mlx/benchmarks/penalties.py [--rows 8] [--history 8000] [--vocabulary 151936]

Only the drawing is measured, from logits that are there to tokens that are noted, with penalties and without in
alternation. Prints medians in milliseconds.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import click
import mlx.core as mx

from exo_backend_mlx.evaluation import evaluate
from exo_backend_mlx.passes import Member
from exo_backend_mlx.preparation import prepare_mlx
from exo_backend_mlx.sequence_caches import SequenceCaches
from exo_backend_mlx.sequences import OpenSequence
from exo_backend_mlx.tail_work import TailWork
from exo_core.requests import Sampling
from exo_engine.steps import Open, Row

WAYS: Mapping[str, Mapping[str, Any]] = {
    "no penalties": {},
    "repetition": {"repetition_penalty": 1.1},
    "presence": {"presence_penalty": 0.5},
    "frequency": {"frequency_penalty": 0.5},
    "all three": {"repetition_penalty": 1.1, "presence_penalty": 0.5, "frequency_penalty": 0.5},
}


def opened(number: int, history: int, vocabulary: int, way: Mapping[str, Any]) -> OpenSequence:
    """A sequence whose prompt and reply, half each, are pseudo-random tokens."""
    tokens = [(number + 7919 * at * at) % vocabulary for at in range(history)]
    operation = Open(
        sequence=number,
        choice=0,
        sampling=Sampling(temperature=0.8, seed=number, **way),
        prompt_ids=tuple(tokens[: history // 2]),
        delivered=tuple(tokens[history // 2 :]),
    )
    return OpenSequence(operation, SequenceCaches([], slice(0)), frozenset())


def stepper(rows: int, history: int, vocabulary: int, way: Mapping[str, Any]) -> Callable[[], float]:
    """Draws one token for each row whenever it is called; gives the seconds that took."""
    sequences = [opened(number, history, vocabulary, way) for number in range(rows)]
    logits = mx.random.normal((rows, vocabulary), key=mx.random.key(1)) * 3
    evaluate(logits)
    position = history - 1

    def step() -> float:
        nonlocal position
        members = [
            Member(at, at, Row(sequence=at, position=position, count=1, output="token"), sequence)
            for at, sequence in enumerate(sequences)
        ]
        position += 1
        began = time.perf_counter()
        work = TailWork()
        work.draw(logits, members)
        work.finish()
        return time.perf_counter() - began

    return step


@click.command()
@click.option("--rows", default=8, show_default=True)
@click.option("--history", default=8000, show_default=True, help="Tokens of prompt and reply.")
@click.option("--vocabulary", default=151_936, show_default=True)
@click.option("--rounds", default=30, show_default=True)
def main(rows: int, history: int, vocabulary: int, rounds: int) -> None:
    """Print the table."""
    prepare_mlx()
    steppers = {name: stepper(rows, history, vocabulary, way) for name, way in WAYS.items()}
    taken: dict[str, Sequence[float]] = {name: [] for name in steppers}
    for _ in range(rounds + 2):
        for name, step in steppers.items():
            taken[name] = [*taken[name], step()]
    for name, times in taken.items():
        print(f"{name:13} {1e3 * statistics.median(times[2:]):7.2f} ms")


if __name__ == "__main__":
    main()
