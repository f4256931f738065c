"""Who waits when the caches are full, and who is closed."""

from __future__ import annotations

from exo_engine.steps import Close, StageReport
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
