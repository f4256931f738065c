"""What one decode step of many sequences takes: a stage's rows together against mlx-lm's `BatchKVCache`.

    uv run python exo_backend_mlx/benchmarks/rows_together.py [--rounds 7]

The same random float32 Llama of 134 M parameters, the same process and library for both, step by step in alternation.
Ours is the whole `forward` of a stage (rows checked, greedy tokens drawn and given back), theirs the model's pass and
an argmax. Then joining and leaving at 8,000 tokens, beside the time of one step. Prints medians and the median of the
ratios of neighbouring steps. `--cpu-time` counts the process's own time, where other work makes the clock useless.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any, cast

import click
import mlx.core as mx

from exo_backend_mlx.architectures import proven
from exo_backend_mlx.evaluation import evaluate
from exo_backend_mlx.mlx_lm_facade import models as mlx_lm
from exo_backend_mlx.partial_model import LayerRange, PartialModel
from exo_backend_mlx.preparation import prepare_mlx
from exo_backend_mlx.stage import MlxStage, StageFacts
from exo_core.requests import Sampling
from exo_engine.steps import Open, Row, Start

clock: Callable[[], float] = time.perf_counter
LAYERS, HIDDEN = 12, 768
CASES = ((1, 100), (8, 100), (64, 100), (128, 100), (8, 1000), (8, 8000))
CONFIG: dict[str, Any] = {
    "model_type": "llama", "hidden_size": HIDDEN, "num_hidden_layers": LAYERS, "intermediate_size": 2048,
    "num_attention_heads": 12, "num_key_value_heads": 4, "head_dim": 64, "rms_norm_eps": 1e-5, "vocab_size": 32000,
    "rope_theta": 10000.0, "tie_word_embeddings": False, "max_position_embeddings": 32768,
}  # fmt: skip


def build() -> tuple[Any, MlxStage]:
    """mlx-lm's model, and a stage over the same weights."""
    mx.random.seed(0)
    model = mlx_lm.build_model(CONFIG)
    evaluate(model.parameters())
    twin = mlx_lm.build_model(CONFIG)
    mlx_lm.put_weights(twin, mlx_lm.parameters(model))
    layers = LayerRange(0, LAYERS, LAYERS)
    facts = StageFacts(layers=layers, hidden_size=HIDDEN, activation_type="F32", end_token_ids=frozenset())
    return model, MlxStage(PartialModel(twin, proven("llama").cut, layers), facts)


def fill(stage: MlxStage, sequences: Sequence[int], length: int) -> None:
    """Sequences of nonsense, each in memory of its own after one token alone."""
    first, snapshot = sequences[0], 0
    stage.open(Open(sequence=first, choice=0, sampling=Sampling(temperature=0), prompt_ids=(0,) * length))
    for position in range(0, length, 512):
        count = min(512, length - position)
        stage.forward([Row(sequence=first, position=position, count=count)], [7] * count)
    stage.snapshot(first, snapshot)
    start = Start(snapshot=snapshot, length=length, take=False)
    for sequence in sequences[1:]:
        stage.open(
            Open(sequence=sequence, choice=0, sampling=Sampling(temperature=0), prompt_ids=(0,) * length, start=start)
        )
    stage.evict(snapshot)
    for sequence in sequences:
        step(stage, [sequence])


def step(stage: MlxStage, sequences: Sequence[int]) -> float:
    """Seconds of one token for each."""
    held = stage.lengths()
    rows = [Row(sequence=sequence, position=held[sequence], count=1, output="token") for sequence in sequences]
    began = clock()
    stage.forward(rows, [5] * len(rows))
    return clock() - began


def batch_caches(rows: int, length: int) -> list[Any]:
    """mlx-lm's caches of as many sequences, full of nonsense."""
    from mlx_lm.models.cache import BatchKVCache

    caches = [cast("Any", BatchKVCache)([0] * rows) for _ in range(LAYERS)]
    for cache in caches:
        shape = (rows, 4, length, 64)
        cache.update_and_fetch(mx.random.normal(shape), mx.random.normal(shape))
        evaluate(cache.state)
    return caches


def batch_step(model: Any, caches: list[Any], rows: int) -> float:  # noqa: ANN401 — mlx_lm has no types
    """Seconds of the same by mlx-lm's own means."""
    began = clock()
    tokens = mx.argmax(model(mx.array([[5]] * rows), cache=caches)[:, -1], axis=-1)
    evaluate(tokens)
    tokens.tolist()
    return clock() - began


def alternate(rounds: int, ours: Callable[[], float], theirs: Callable[[], float]) -> Iterator[tuple[float, float]]:
    """Pairs of neighbouring steps, each first as often as the other; two rounds before do not count."""
    for number in range(rounds + 2):
        if number % 2:
            their, our = theirs(), ours()
        else:
            our, their = ours(), theirs()
        if number >= 2:
            yield our, their


def compare(model: Any, stage: MlxStage, rows: int, length: int, rounds: int) -> None:  # noqa: ANN401 — as above
    """One case."""
    fill(stage, range(rows), length)
    caches = batch_caches(rows, length)
    pairs = list(alternate(rounds, lambda: step(stage, range(rows)), lambda: batch_step(model, caches, rows)))
    ours, theirs = (statistics.median(values) * 1e3 for values in zip(*pairs, strict=True))
    ratio = statistics.median(our / their for our, their in pairs)
    print(f"{rows:4} rows at {length:5} tokens: ours {ours:7.1f} ms, BatchKVCache {theirs:7.1f} ms, ratio {ratio:.3f}")
    stage.clear()


def join_and_leave(stage: MlxStage, length: int, rounds: int) -> None:
    """What a ninth sequence adds to the step with which it joins, and to the one after it left."""
    fill(stage, range(8 + rounds), length)
    times: list[tuple[float, float, float, float]] = []
    for ninth in range(8, 8 + rounds):
        before, joined, steady = step(stage, range(8)), step(stage, [*range(8), ninth]), step(stage, [*range(8), ninth])
        began = clock()
        stage.close(ninth, None)
        closed = clock() - began
        times.append((before, joined, steady, closed + step(stage, range(8))))
    before, joined, steady, left = (statistics.median(values) * 1e3 for values in zip(*times, strict=True))
    print(
        f"at {length} tokens: 8 rows {before:.1f} ms; with the ninth joining {joined:.1f}, with it there {steady:.1f}; "
        f"after it left {left:.1f}"
    )


@click.command()
@click.option("--rounds", default=7, show_default=True, help="Steps of each side that count.")
@click.option("--only", default=None, type=int, help="One case, by its number from 0; -1: joining and leaving.")
@click.option("--cpu-time", is_flag=True, help="Count the time of this process instead of the clock's.")
def main(rounds: int, only: int | None, cpu_time: bool) -> None:
    """Print the table."""
    global clock
    clock = time.process_time if cpu_time else time.perf_counter
    prepare_mlx()
    model, stage = build()
    for number, (rows, length) in enumerate(CASES):
        if only is None or number == only:
            compare(model, stage, rows, length, rounds)
    if only is None or only == -1:
        join_and_leave(stage, 8000, min(rounds, 5))


if __name__ == "__main__":
    main()
