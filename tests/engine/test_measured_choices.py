"""What is chosen from measured times: micro-batches and the chunk."""

from __future__ import annotations

import random
from itertools import pairwise

import pytest

from exo_engine.chunk_choice import UNMEASURED, choose_chunk
from exo_engine.micro_batch_choice import choose_micro_batches, round_seconds
from exo_engine.micro_batches import MicroBatches
from exo_engine.step_times import StepTimes
from exo_engine.steps import StageReport

SIZES = (1, 2, 4, 8, 16, 32, 64, 128)
READING = tuple((size, 0.05) for size in SIZES)
"""Bound by reading weights: a large batch costs what a small one does."""
ARITHMETIC = tuple((size, 0.01 * size) for size in SIZES)


def chosen(rows: int, *tables: tuple[tuple[int, float], ...], link: float = 0.001, present: int = 1) -> int:
    return choose_micro_batches(rows, StepTimes(tables), link_seconds=link, present=present)


def test_one_batch_where_reading_weights_bounds_and_one_per_stage_where_arithmetic_does() -> None:
    assert chosen(32, READING, READING) == 1
    assert chosen(32, ARITHMETIC, ARITHMETIC) == 2
    assert chosen(96, ARITHMETIC, ARITHMETIC, ARITHMETIC) == 3
    assert chosen(32, ARITHMETIC) == 1
    assert chosen(1, ARITHMETIC, ARITHMETIC) == 1


def test_a_size_that_was_not_measured_counts_as_the_next_larger_one() -> None:
    times = StepTimes([((4, 1.0), (8, 0.5), (16, 3.0))])
    assert [times.seconds(0, size) for size in (1, 4, 5, 8, 9, 16)] == [1.0, 1.0, 0.5, 0.5, 3.0, 3.0]
    assert times.seconds(0, 33) == 9.0
    assert StepTimes([()]).seconds(0, 1) is None


def test_two_batches_on_one_stage_where_half_takes_less_than_half() -> None:
    """Step time against size is not always monotonic or straight."""
    assert chosen(16, ((8, 0.1), (16, 0.5))) == 2
    assert chosen(16, ((8, 0.3), (16, 0.5))) == 1


def test_the_time_on_links_is_hidden_by_more_batches_where_those_cost_nothing() -> None:
    assert round_seconds(8, 1, StepTimes([READING, READING]), 0.2) == pytest.approx(0.3)
    assert round_seconds(8, 4, StepTimes([READING, READING]), 0.05) == pytest.approx(0.2)
    assert chosen(8, ARITHMETIC, ARITHMETIC, link=0.0) == 2
    assert chosen(8, ARITHMETIC, ARITHMETIC, link=0.2) == 4


def test_nothing_measured_is_one_batch() -> None:
    assert chosen(64, (), ()) == 1
    assert chosen(64, READING, ()) == 1


def test_a_small_gain_does_not_change_the_number() -> None:
    table = ((16, 0.100), (32, 0.205))
    assert chosen(32, table, table, link=0, present=2) == 2
    slightly = ((16, 0.100), (32, 0.101))
    assert chosen(32, slightly, slightly, link=0.0, present=1) == 1


def test_it_is_never_far_from_the_best_fixed_number() -> None:
    """Over random tables: what it promises is within a twentieth of the best that any number promises."""
    chance = random.Random(5)
    for _ in range(300):
        stages = chance.randint(1, 4)
        tables = [
            tuple((size, chance.uniform(0.01, 0.05) + size * chance.uniform(0, 0.01)) for size in SIZES)
            for _ in range(stages)
        ]
        times, rows, link = StepTimes(tables), chance.randint(1, 128), chance.uniform(0, 0.01)
        present = chance.randint(1, 2 * stages)
        number = choose_micro_batches(rows, times, link_seconds=link, present=present)
        promised = [round_seconds(rows, each, times, link) for each in range(1, min(rows, 2 * stages) + 1)]
        known = [seconds for seconds in promised if seconds is not None]
        mine = round_seconds(rows, number, times, link)
        assert mine is not None
        assert mine <= min(known) / 0.95


def test_what_steps_really_take_replaces_what_the_warm_up_measured() -> None:
    """Reading bounds, says the warm-up; but the caches have grown and arithmetic does. Medians ignore one slow step."""
    batches = MicroBatches([StageReport(decode_seconds=READING)] * 2, fixed=0)
    assert batches.wanted(32) == 1
    for _ in range(20):
        batches.note(32, (0.4, 0.4), None)
    assert batches.wanted(32) == 2
    for took in [5.0] + [0.06] * 15:
        batches.note(16, (took, took), None)
    assert batches.wanted(32) == 2


def test_the_time_on_links_is_what_a_lone_step_does_not_compute() -> None:
    batches = MicroBatches([StageReport(decode_seconds=ARITHMETIC)] * 2, fixed=0)
    assert batches.wanted(8) == 2
    for _ in range(16):
        batches.note(8, (0.08, 0.08), 0.36)
    assert batches.wanted(8) == 4


def test_a_fixed_number_is_not_chosen() -> None:
    batches = MicroBatches([StageReport(decode_seconds=READING)] * 2, fixed=3)
    assert batches.wanted(8) == 3


CHUNKS = ((32, 0.02), (64, 0.05), (128, 0.12), (256, 0.24), (512, 0.5))


def test_the_chunk_is_what_the_slowest_stage_computes_in_a_quarter_of_a_second() -> None:
    quick = tuple((size, seconds / 4) for size, seconds in CHUNKS)
    assert choose_chunk([StageReport(chunk_seconds=CHUNKS)]) == 256
    assert choose_chunk([StageReport(chunk_seconds=quick), StageReport(chunk_seconds=CHUNKS)]) == 256
    assert choose_chunk([StageReport(chunk_seconds=quick)]) == 512
    assert choose_chunk([StageReport(chunk_seconds=((32, 2.0), (64, 4.0)))]) == 32
    assert choose_chunk([StageReport(chunk_seconds=((32, 0.1), (48, 0.2)))]) == 32


def test_a_stage_that_measured_nothing_leaves_the_usual_chunk() -> None:
    assert choose_chunk([StageReport(chunk_seconds=CHUNKS), StageReport()]) == UNMEASURED
    assert choose_chunk([]) == UNMEASURED


def test_tables_are_kept_in_order() -> None:
    times = StepTimes([((8, 0.1),)])
    for size in (3, 20, 1, 9):
        times.note(size, (size / 10,))
    found = [times.seconds(0, size) for size in (1, 3, 8, 9, 20)]
    assert found == [0.1, 0.3, 0.1, 0.9, 2.0]
    assert all(a is not None and b is not None for a, b in pairwise(found))
