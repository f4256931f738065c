"""What does a token of `tiny` take in two halves, and how much more when a stage has waited for the other?

    uv run python exo_backend_mlx/benchmarks/two_halves.py [--rounds 6] [--pauses 0,1,3,6]

The whole model and its halves in this one process, without links: what a second stage costs by itself. Before each
forward comes a pause of so many milliseconds without sleep, as long as the stages of a ring wait for each other: a
stage that waited finds its weights and caches farther away. Prints medians.
"""

from __future__ import annotations

import argparse
import os
import random
import statistics
import time

from exo_backend_mlx.card import describe_model
from exo_backend_mlx.loading import load_stage
from exo_backend_mlx.stage import MlxStage
from exo_core.identifiers import ModelId
from exo_core.requests import Sampling
from exo_engine.stage import Activation, TailOutput
from exo_engine.steps import Open, Row
from exo_source_tiny.embedded_model import EMBEDDED_FOLDER

TOKENS, UNCOUNTED = 60, 5
IDS = (5,)

Output = Activation | TailOutput


def wait(milliseconds: float) -> None:
    """Without giving the processor away."""
    end = time.perf_counter() + milliseconds / 1000
    while time.perf_counter() < end:
        pass


def forward(
    stage: MlxStage, inputs: tuple[int, ...] | Activation, pause: float
) -> tuple[Activation | TailOutput, float]:
    """One token more of sequence 1; what it gave, and its milliseconds."""
    row = Row(sequence=1, position=stage.lengths()[1], count=1, output="token" if stage.is_last else "none")
    wait(pause)
    began = time.perf_counter()
    output = stage.forward([row], inputs)
    return output, 1000 * (time.perf_counter() - began)


def token_ms(stages: list[MlxStage], pause: float) -> list[float]:
    """Milliseconds that all stages together compute, for each token."""
    for stage in stages:
        stage.open(Open(sequence=1, choice=0, sampling=Sampling(temperature=0), prompt_ids=(0,)))
    found: list[float] = []
    for _ in range(TOKENS):
        inputs: tuple[int, ...] | Activation = IDS
        total = 0.0
        for stage in stages:
            output, took = forward(stage, inputs, pause)
            inputs = output if isinstance(output, Activation) else IDS
            total += took
        found.append(total)
    for stage in stages:
        stage.close(1, None)
    return found[UNCOUNTED:]


def main() -> None:
    """Load all, run in random order, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=6)
    parser.add_argument("--pauses", default="0,1,3,6", help="milliseconds")
    chosen = parser.parse_args()
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    layers = describe_model(ModelId("tiny"), EMBEDDED_FOLDER).layers
    whole, first, second = (
        load_stage(EMBEDDED_FOLDER, start, end) for start, end in ((0, layers), (0, layers // 2), (layers // 2, layers))
    )
    cases = [
        (name, stages, float(pause))
        for name, stages in (("whole", [whole]), ("halves", [first, second]))
        for pause in chosen.pauses.split(",")
    ]
    found: dict[tuple[str, float], list[float]] = {}
    for _ in range(chosen.rounds):
        random.shuffle(cases)
        for name, stages, pause in cases:
            found.setdefault((name, pause), []).extend(token_ms(stages, pause))
    for (name, pause), times in sorted(found.items(), reverse=True):
        print(f"{name:6} after {pause:g} ms each: {statistics.median(times):.3f} ms a token")


if __name__ == "__main__":
    main()
