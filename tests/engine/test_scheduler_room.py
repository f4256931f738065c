"""Who waits when the caches are full, and who is closed."""

from __future__ import annotations

import pytest

from exo_engine.plan import Plan
from exo_engine.scheduler import Scheduler
from exo_engine.steps import Close, Limit, Resized, StageReport
from exo_engine.testing.scheduler_by_hand import decoding, is_open, opens, scheduler, sequence, settle, step, step_until

FULL = StageReport(cache_bytes=200, bytes_per_token=1, trimmable=True)


def test_when_the_caches_are_full_the_youngest_waits_at_the_front_and_goes_on_later() -> None:
    made = scheduler(report=FULL, context=200)
    old, young, last = sequence(20, most=200), sequence(20, token=2, most=200), sequence(20, token=3, most=200)
    for each in (old, young, last):
        made.add(each)
    step_until(made, lambda: is_open(young))
    step_until(made, lambda: not is_open(young))
    assert list(made.waiting) == [young, last]
    assert is_open(old)
    had = len(young.tokens)
    assert young.delivered == tuple(young.tokens[20:])
    made.remove(old, keep=False)
    plan = step(made)
    assert opens([plan])[0].delivered == (7,) * (had - 20)
    assert [close.keep for close in plan.operations if isinstance(close, Close)] == [None]


def test_a_sequence_alone_has_room_to_its_end() -> None:
    made = scheduler(report=FULL, context=200)
    alone = sequence(20, most=200)
    made.add(alone)
    while len(alone.tokens) < 200:
        step(made)
    assert not made.waiting


def test_with_less_room_the_youngest_wait_and_with_more_they_go_on() -> None:
    made = scheduler(report=FULL, context=200)
    sequences = decoding(made, 3)
    held = sum(each.reserved for each in sequences)
    made.resize([Resized(stage=0, cache_bytes=held - 1)])
    assert list(made.waiting) == sequences[2:]
    plan = step(made)
    assert [operation.op for operation in plan.operations] == ["close", "limit", "forward"]
    assert len(plan.rows) == 2
    made.resize([Resized(stage=0, cache_bytes=200)])
    step_until(made, lambda: not made.waiting)
    assert len(step(made).rows) == 3


def test_one_that_is_left_alone_has_room_to_its_end() -> None:
    made = scheduler(report=FULL, context=200)
    alone = sequence(20, most=200)
    made.add(alone)
    step(made)
    made.resize([Resized(stage=0, cache_bytes=30)])
    assert made.open.context == 30
    while len(alone.tokens) < 200:
        assert not limits(step(made))
    assert not made.waiting
    made.remove(alone, keep=False)
    assert limits(step(made)) == [Limit(stage=0, cache_bytes=30)]


def limits(plan: Plan) -> list[Limit]:
    """What the stages are told to take at most."""
    return [operation for operation in plan.operations if isinstance(operation, Limit)]


def test_a_limit_is_told_behind_what_makes_room_for_it() -> None:
    made = scheduler(2, report=FULL, context=200)
    decoding(made, 3)
    made.resize([Resized(stage=1, cache_bytes=30)])
    assert [operation.op for operation in step(made).operations] == ["close", "close", "limit", "forward"]
    assert not limits(step(made))
    made.resize([Resized(stage=0, cache_bytes=50), Resized(stage=1, cache_bytes=90)])
    assert limits(step(made)) == [Limit(stage=0, cache_bytes=50), Limit(stage=1, cache_bytes=90)]


def test_a_limit_is_not_told_while_one_waits_that_was_taken_with_more_room() -> None:
    made = scheduler(report=FULL, context=200)
    first, long = sequence(20, most=40), sequence(90, token=2, most=95)
    made.add(first)
    step(made)
    made.add(long)
    made.resize([Resized(stage=0, cache_bytes=80)])
    while is_open(first) or not is_open(long):
        assert not limits(step(made))
        if len(first.tokens) == 40 and is_open(first):
            made.remove(first, keep=False)
    made.remove(long, keep=False)
    assert limits(step(made))


def test_one_that_outgrows_what_the_stages_were_told_is_taken_away() -> None:
    made = scheduler(report=FULL, context=200)
    alone = sequence(20, most=200)
    made.add(alone)
    step(made)
    made.resize([Resized(stage=0, cache_bytes=100)])
    assert limits(step(made))
    while not made.outgrown:
        assert made.next_plan() is not None
        settle(made)
    assert made.outgrown == [alone]
    assert len(alone.tokens) == 101, "one more than the caches hold: it was drawn, and not fed"
    assert not made.waiting


def test_after_a_new_beginning_with_less_room_those_end_who_have_none_with_what_is_known_of_them() -> None:
    made = scheduler(report=FULL, context=200)
    unbounded = sequence(20, most=200)
    made.add(unbounded)
    for room, ended in ((30, []), (20, [unbounded])):
        step(made)
        made.start_over()
        made.settle((0.0,))
        made.begin([FULL.model_copy(update={"cache_bytes": room})])
        assert made.too_long() == ended


@pytest.mark.parametrize(("stages", "looks"), [(1, False), (2, True)])
def test_an_idle_head_hears_other_stages_once_a_second(stages: int, looks: bool) -> None:
    now = [0.0]
    made = Scheduler(stages=stages, context=1000, prefill_chunk=16, clock=lambda: now[0])
    made.start_over()
    made.settle((0.0,))
    made.begin([StageReport(trimmable=True)] * stages)
    now[0] = 0.9
    assert made.next_plan() is None
    now[0] = 1.1
    plan = made.next_plan()
    assert (plan is not None) == looks
    assert plan is None or (plan.kind, plan.operations) == ("housekeeping", ())
    assert made.next_plan() is None


def test_a_step_that_was_asked_for_comes_once() -> None:
    made = scheduler()
    made.look_around()
    assert step(made).kind == "housekeeping"
    assert made.next_plan() is None


def test_one_that_came_back_under_another_name_is_not_drawn_twice() -> None:
    """It was sent back to the queue while its token was drawn, and opened again before that answer came."""
    made = scheduler(2, report=FULL, context=200)
    young = sequence(4, most=200)
    made.add(young)
    while not made.under_way or made.under_way[-1].kind != "decode":
        assert made.next_plan() is not None
    made._make_room_for(young)  # pyright: ignore[reportPrivateUsage] — has room: nothing happens
    made._close(young, keep=False)  # pyright: ignore[reportPrivateUsage] — what a full cache does to it
    made.waiting.appendleft(young)
    while not is_open(young):
        assert made.next_plan() is not None
    while made.under_way:
        settle(made)
    plan = step(made)
    assert [row.position for row in plan.rows] == [3]
    assert len(young.tokens) == 5


def test_who_leaves_is_closed_in_the_next_step() -> None:
    made = scheduler()
    gone, other = decoding(made, 2)
    name = gone.id
    made.remove(gone, keep=False)
    plan = step(made)
    assert plan.operations[0] == Close(sequence=name or 0)
    assert plan.sequences == (other,)
