"""What is chosen from measured times: micro-batches and the chunk."""

from __future__ import annotations

import random
from collections.abc import Callable
from itertools import pairwise

import pytest

from exo_engine.chunk_choice import UNMEASURED, ChunkSizes, choose_chunk, choose_chunk_sizes
from exo_engine.micro_batch_choice import choose_micro_batches, round_seconds
from exo_engine.micro_batches import MicroBatches
from exo_engine.step_times import StepTimes
from exo_engine.steps import StageReport

SIZES = (1, 2, 4, 8, 16, 32, 64, 128)
Speed = Callable[[int], float]


def reading(rows: int) -> float:
    """Bound by reading weights: a large batch costs what a small one does."""
    del rows
    return 0.05


def arithmetic(rows: int) -> float:
    """Bound by arithmetic."""
    return 0.01 * rows


def table(speed: Speed) -> tuple[tuple[int, float], ...]:
    """As a warm-up measures it."""
    return tuple((size, speed(size)) for size in SIZES)


def settled(rows: int, *speeds: Speed, link: float = 0.001) -> int:
    """The choice when everything it tried was made and timed."""
    times, present = StepTimes([table(speed) for speed in speeds]), 1
    while True:
        for size in {rows // present, -(-rows // present)}:
            times.note(size, [speed(size) for speed in speeds])
        number = choose_micro_batches(rows, times, link_seconds=link, present=present)
        if number == present:
            return number
        present = number


def test_one_batch_where_reading_weights_bounds_and_one_per_stage_where_arithmetic_does() -> None:
    assert settled(32, reading, reading) == 1
    assert settled(32, arithmetic, arithmetic) == 2
    assert settled(96, arithmetic, arithmetic, arithmetic) == 3
    assert settled(32, arithmetic) == 1
    assert settled(1, arithmetic, arithmetic) == 1


def test_a_size_that_was_not_measured_counts_as_the_next_larger_one() -> None:
    times = StepTimes([((4, 1.0), (8, 0.5), (16, 3.0))])
    assert [times.seconds(0, size) for size in (1, 4, 5, 8, 9, 16)] == [1.0, 1.0, 0.5, 0.5, 3.0, 3.0]
    assert times.seconds(0, 33) == 9.0
    assert StepTimes([()]).seconds(0, 1) is None


def test_two_batches_on_one_stage_where_half_takes_less_than_half() -> None:
    """Step time against size is not always monotonic or straight."""
    assert settled(16, lambda rows: 0.1 if rows <= 8 else 0.5) == 2
    assert settled(16, lambda rows: 0.3 if rows <= 8 else 0.5) == 1


def test_the_time_on_links_is_hidden_by_more_batches_where_those_cost_nothing() -> None:
    times = StepTimes([table(reading), table(reading)])
    assert round_seconds(8, 1, 2, times.seconds, 0.2) == pytest.approx(0.3)
    assert round_seconds(8, 4, 2, times.seconds, 0.05) == pytest.approx(0.2)
    assert settled(8, arithmetic, arithmetic, link=0.0) == 2
    assert settled(8, arithmetic, arithmetic, link=0.2) == 4


def test_uneven_batches_count_as_they_are() -> None:
    times = StepTimes([[(size, arithmetic(size)) for size in range(1, 17)]] * 2)
    assert round_seconds(8, 3, 2, times.seconds, 0.0) == pytest.approx(0.08)
    assert round_seconds(8, 3, 2, times.seconds, 0.1) == pytest.approx(0.16)


def test_nothing_measured_is_one_batch() -> None:
    nothing = StepTimes([(), ()])
    half = StepTimes([table(reading), ()])
    assert [choose_micro_batches(64, each, link_seconds=0, present=1) for each in (nothing, half)] == [1, 1]


def test_a_size_that_may_pay_is_tried_and_then_known() -> None:
    """22 rows count as 32 until they are timed; if they take what 16 do, three batches are best."""
    times = StepTimes([((16, 0.16), (32, 0.32), (64, 0.64))] * 3)
    assert choose_micro_batches(64, times, link_seconds=0, present=4) == 3
    times.note(22, [0.32] * 3)
    times.note(21, [0.32] * 3)
    assert choose_micro_batches(64, times, link_seconds=0, present=3) == 4


def test_a_small_gain_does_not_change_the_number() -> None:
    def chosen(one: float, two: float, present: int) -> int:
        return choose_micro_batches(2, StepTimes([((1, one), (2, two))]), link_seconds=0, present=present)

    assert [chosen(0.1, 0.204, present) for present in (1, 2)] == [1, 2]
    assert [chosen(0.1, 0.2, present) for present in (1, 2)] == [1, 1]
    assert [chosen(0.1, 0.25, present) for present in (1, 2)] == [2, 2]


def test_it_settles_near_the_best_fixed_number() -> None:
    """Over random speeds, none of them straight: within a twentieth."""
    chance = random.Random(5)
    for _ in range(200):
        stages, rows, link = chance.randint(1, 4), chance.randint(1, 128), chance.uniform(0, 0.01)
        speeds = [_some_speed(chance) for _ in range(stages)]
        number = settled(rows, *speeds, link=link)
        truth = StepTimes([[(size, speed(size)) for size in range(1, 129)] for speed in speeds])
        numbers = range(1, min(rows, 2 * stages) + 1)
        took = {each: round_seconds(rows, each, stages, truth.seconds, link) or 0.0 for each in numbers}
        assert took[number] <= min(took.values()) / 0.95


def _some_speed(chance: random.Random) -> Speed:
    fixed, each, at_once = chance.uniform(0.01, 0.05), chance.uniform(0, 0.01), chance.choice([1, 4, 16])
    return lambda rows: fixed + each * -(-rows // at_once) * at_once


READING, ARITHMETIC = table(reading), table(arithmetic)


def test_what_steps_really_take_replaces_what_the_warm_up_measured() -> None:
    """Reading bounds, says the warm-up; but the caches have grown and arithmetic does. Medians ignore one slow step."""
    batches = MicroBatches([StageReport(decode_seconds=READING)] * 2, fixed=0)
    batches.note(32, (0.05, 0.05), 0.1)
    assert batches.wanted(32) == 1
    for _ in range(20):
        batches.note(32, (0.4, 0.4), None)
    assert batches.wanted(32) == 2
    for took in [5.0] + [0.06] * 15:
        batches.note(16, (took, took), None)
    assert batches.wanted(32) == 2


def test_a_warm_up_on_a_busy_machine_is_corrected_by_steps_of_other_sizes() -> None:
    """Half a batch takes 0.6 of a whole, so two are best; of everything measured too slow, the whole is seen first."""
    measured = ((4, 0.06), (8, 0.1))
    batches = MicroBatches(
        [StageReport(decode_seconds=tuple((size, 2 * took) for size, took in measured))] * 2, fixed=0
    )
    for _ in range(3):
        batches.note(8, (0.1, 0.1), None)
    assert batches.wanted(8) == 2


def test_sizes_the_warm_up_did_not_measure_say_nothing_of_those_it_did() -> None:
    times = StepTimes([((4, 0.1), (8, 0.2))])
    times.note(5, (0.9,))
    assert [times.seconds(0, size) for size in (4, 5, 8)] == [0.1, 0.9, 0.2]
    times.note(8, (0.1,))
    assert [times.seconds(0, size) for size in (4, 5, 8)] == [0.05, 0.9, 0.1]


def test_the_time_on_links_is_what_a_lone_step_does_not_compute() -> None:
    batches = MicroBatches([StageReport(decode_seconds=ARITHMETIC)] * 2, fixed=0)
    assert batches.wanted(8) in {2, 3}
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


def chunk_sizes(*tables: tuple[tuple[int, float], ...]) -> ChunkSizes:
    return choose_chunk_sizes([StageReport(chunk_seconds=table) for table in tables])


def test_several_prompts_go_together_for_half_a_second_in_a_crowd_and_for_two_on_all_stages_while_nobody_waits() -> (
    None
):
    slow = ((32, 0.4), (64, 0.9))
    assert chunk_sizes(((64, 0.25),)) == ChunkSizes(64, 128, 512)
    assert chunk_sizes(slow) == ChunkSizes(32, 40, 160)
    assert chunk_sizes(slow, slow) == ChunkSizes(32, 40, 80)
    assert chunk_sizes(((32, 0.1), (64, 0.3)), ((32, 0.2), (64, 0.4))) == ChunkSizes(32, 80, 213)


def test_what_goes_together_is_a_chunk_at_least_and_where_nothing_was_measured() -> None:
    assert chunk_sizes(((32, 3.0),)) == ChunkSizes(32, 32, 32)
    assert chunk_sizes(((1024, 0.2),)) == ChunkSizes(1024, 1024, 1024)
    assert chunk_sizes(((32, 0.1),), ()) == ChunkSizes.fixed(UNMEASURED)


def test_far_into_a_long_prompt_chunks_are_halved_until_they_take_no_longer_than_a_stream_waits() -> None:
    sizes = ChunkSizes(128, 256, 512)
    assert [sizes.of_one(took) for took in (None, 0.002, 0.003, 0.006, 0.03, 1.0)] == [128, 128, 64, 32, 8, 8]
    assert ChunkSizes(4, 4, 4).of_one(1.0) == 4
    assert ChunkSizes.fixed(128).of_one(0.03) == 128, "somebody has chosen"


def test_tables_are_kept_in_order() -> None:
    times = StepTimes([((8, 0.1),)])
    for size in (3, 20, 1, 9):
        times.note(size, (size / 10,))
    found = [times.seconds(0, size) for size in (1, 3, 8, 9, 20)]
    assert found == [0.1, 0.3, 0.1, 0.9, 2.0]
    assert all(a is not None and b is not None for a, b in pairwise(found))
