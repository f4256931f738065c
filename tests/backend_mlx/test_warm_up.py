"""What is measured before the first request, with real passes and times that the test gives."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from itertools import repeat
from pathlib import Path

import mlx.core as mx
import pytest

from exo_backend_mlx.cache_sizes import free_for_caches
from exo_backend_mlx.computing_seconds import computing_seconds
from exo_backend_mlx.loading import load_stage
from exo_backend_mlx.stage import MlxStage
from exo_backend_mlx.warm_up import Warming
from exo_engine.steps import Open, Row, StageReport

ModelFolder = Callable[..., Path]


def always(seconds: float) -> Callable[[Callable[[], None]], float]:
    """Whatever is done takes so long."""
    return held_up(repeat(seconds))


def held_up(seconds: Iterator[float]) -> Callable[[Callable[[], None]], float]:
    """What is done takes these times, one after the other."""

    def seconds_of(work: Callable[[], None]) -> float:
        work()
        return next(seconds)

    return seconds_of


def test_tables_hold_every_size_while_steps_are_fast(stage: MlxStage) -> None:
    told: list[tuple[int, int]] = []
    measured = Warming(stage, lambda done, total: told.append((done, total)), always(0.001)).run(
        chunks_up_to=512, rows=True
    )
    assert measured.chunk_seconds == tuple((size, 0.001) for size in (32, 64, 128, 256, 512))
    assert [size for size, _ in measured.decode_seconds] == [1, 2, 4, 8, 16, 32, 64, 128]
    assert told == [(done, 14) for done in range(15)] + [(14, 14)]
    assert not stage.lengths()


def test_a_slow_stage_is_not_kept_long(stage: MlxStage) -> None:
    """At 0.4 s a chunk the first is too long already; of the rows, two seconds' worth are measured."""
    told: list[tuple[int, int]] = []
    measured = Warming(stage, lambda done, total: told.append((done, total)), always(0.4)).run(
        chunks_up_to=4096, rows=True
    )
    assert measured.chunk_seconds == ((32, 0.4),)
    assert [size for size, _ in measured.decode_seconds] == [1, 2, 4]
    assert told[-1] == (17, 17)


def test_what_took_too_long_is_tried_once_more_later(stage: MlxStage) -> None:
    """Something else held the machine up while 64 tokens were tried; a first run tells nothing of kernels."""
    times = [0.9, 0.09, 0.6, 0.7, *(0.17, 0.4), *(0.2,) * 9]
    measured = Warming(stage, lambda done, total: None, held_up(iter(times))).run(chunks_up_to=4096, rows=False)
    assert measured.chunk_seconds == ((32, 0.09), (64, 0.17), (128, 0.4))


def test_what_is_too_slow_by_far_is_not_tried_again(stage: MlxStage) -> None:
    """Each stage would wait for it at every start; a second run would find no time here."""
    measured = Warming(stage, lambda done, total: None, held_up(iter([5.0]))).run(chunks_up_to=4096, rows=False)
    assert measured.chunk_seconds == ((32, 5.0),)


def test_processors_that_others_have_do_not_count_on_a_cpu(monkeypatch: pytest.MonkeyPatch) -> None:
    """To a process that waits for its turn it is as if it slept."""
    for on_cpu, waits in ((True, False), (False, True)):
        monkeypatch.setattr("exo_backend_mlx.computing_seconds.computes_on_cpu", lambda on_cpu=on_cpu: on_cpu)
        assert (computing_seconds(lambda: time.sleep(0.1)) >= 0.1) == waits


def test_nothing_is_measured_unless_asked(stage: MlxStage) -> None:
    measured = Warming(stage, lambda done, total: None).run(chunks_up_to=0, rows=False)
    assert (measured.chunk_seconds, measured.decode_seconds) == ((), ())


def test_later_stages_measure_on_hidden_states(model_folder: ModelFolder) -> None:
    tail = load_stage(model_folder(architecture="qwen3", layers=2), 1, 2)
    measured = Warming(tail, lambda done, total: None).run(chunks_up_to=64, rows=True)
    assert all(seconds > 0 for _, seconds in measured.chunk_seconds + measured.decode_seconds)


@pytest.mark.parametrize("architecture", ["llama", "gemma3_text", "lfm2", "mamba2"])
def test_the_reported_sizes_hold_whatever_a_sequence_grows_to(architecture: str, model_folder: ModelFolder) -> None:
    """Caches never take more than the report says, and at the end of a block hardly less, chunk or single token."""
    stage = load_stage(model_folder(architecture=architecture, layers=4), 0, 4)
    stage.measured = Warming(stage, lambda done, total: None).run(chunks_up_to=0, rows=False)
    report = stage.report()
    stage.open(Open.model_validate({"sequence": 1, "choice": 0, "sampling": {}, "prompt_ids": (1,)}))
    held = 0
    for position in range(0, 512, 64):
        for first, tokens in ((position, 63), (position + 63, 1)):
            stage.forward([Row(sequence=1, position=first, count=tokens)], [1] * tokens)
            held = sum(cache.nbytes for cache in stage._open[1].caches.own)  # pyright: ignore[reportPrivateUsage] — bytes are no operation
            assert held <= counted(report, first + tokens)
    assert held >= counted(report, 512) - counted(report, 0)


def counted(report: StageReport, tokens: int) -> int:
    in_windows = sum(min(tokens, window) * each for window, each in report.windows)
    return report.bytes_per_sequence + tokens * report.bytes_per_token + in_windows


def test_a_chunk_of_a_prompt_leaves_no_more_memory_than_the_window(model_folder: ModelFolder) -> None:
    """The chunk is as long as eight windows, and so is what a window held with it until the next token."""
    folder = model_folder(architecture="gemma3_text", layers=3, overrides={"sliding_window": 64})
    stage = load_stage(folder, 0, 3)
    stage.open(Open.model_validate({"sequence": 1, "choice": 0, "sampling": {}, "prompt_ids": (1,)}))
    before = mx.get_active_memory()
    stage.forward([Row(sequence=1, position=0, count=512)], [1] * 512)
    per_token = 2 * 2 * 16 * 4
    assert mx.get_active_memory() - before < per_token * (512 + 2 * 64) * 1.2


def test_free_memory_is_some_but_not_all() -> None:
    assert 0 < free_for_caches() < 2**50
