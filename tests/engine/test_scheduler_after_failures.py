"""A new generation goes on where the last one ended, with steps that fit."""

from __future__ import annotations

from exo_engine.scheduler import Scheduler
from exo_engine.steps import StageReport
from exo_engine.testing.scheduler_by_hand import FREE, counts, decoding, opens, scheduler, sequence, step


def test_the_chunk_is_chosen_once() -> None:
    made = Scheduler(stages=1, context=10_000)
    for table in (((64, 0.1), (128, 0.2), (256, 0.4)), ((64, 0.01), (128, 0.02), (256, 0.04))):
        made.start_over()
        made.settle((0.0,))
        made.begin([StageReport(chunk_seconds=table)])
        made.add(sequence(400))
        assert max(counts(step(made))) == 128


def test_after_a_new_beginning_what_was_open_goes_on_with_what_it_had() -> None:
    made = scheduler()
    (first,) = decoding(made, 1)
    waiting = sequence(5)
    made.add(waiting)
    had = [*first.tokens]
    made.start_over()
    assert list(made.waiting) == [first, waiting]
    made.settle((0.0,))
    made.begin([FREE])
    plan = step(made)
    assert opens([plan])[0].delivered == tuple(had[2:])
    assert counts(plan)[0] == len(had) - 1


def test_after_a_step_of_several_failed_steps_are_half_as_large_unless_one_of_them_was_to_blame() -> None:
    made = scheduler()
    decoding(made, 8)
    assert len(step(made).rows) == 8
    made.row_limit.failed(8)
    assert [len(step(made).rows) for _ in range(3)] == [4, 4, 4]
    made.row_limit.one_was_to_blame()
    assert len(step(made).rows) == 8


def test_a_chunk_has_no_more_prompts_than_a_step_may_have_rows() -> None:
    made = scheduler()
    made.row_limit.failed(4)
    for number in range(3):
        made.add(sequence(3, token=number + 10))
    assert counts(step(made)) == [2, 2]
