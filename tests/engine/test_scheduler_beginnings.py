"""Sequences begin with what others have computed, and what they compute is kept where that helps."""

from __future__ import annotations

from exo_core.requests import Sampling
from exo_engine.scheduler import Scheduler
from exo_engine.sequence import SequenceState
from exo_engine.steps import Close, Snapshot, StageReport, Start
from exo_engine.testing.scheduler_by_hand import counts, opens, scheduler, sequence, step


def test_choices_begin_with_the_first_ones_prompt() -> None:
    made = scheduler()
    for number in range(3):
        made.add(sequence(20, siblings=number < 2))
    plans = [step(made) for _ in range(4)]
    assert [(plan.kind, len(plan.rows)) for plan in plans] == [("chunk", 1), ("chunk", 1), ("decode", 1), ("decode", 3)]
    assert any(isinstance(operation, Snapshot) for operation in plans[2].operations)
    assert [opened.start for opened in opens(plans)] == [
        None,
        Start(snapshot=1, length=19, take=False),
        Start(snapshot=1, length=19, take=True),
    ]


def questions(made: Scheduler, *ends: int) -> list[SequenceState]:
    """Sequences that begin with the same hundred tokens."""
    asked = [SequenceState(choice=0, sampling=Sampling(), prompt_ids=(*[3] * 100, end, 5), most=900) for end in ends]
    for each in asked:
        made.add(each)
    return asked


def test_who_waits_begins_with_what_the_one_before_it_has_just_computed() -> None:
    made = scheduler(chunk=512)
    first, second, third = questions(made, 7, 8, 9)
    plans = [step(made) for _ in range(6)]
    assert [(each.cached, each.scheduled > 101) for each in (first, second, third)] == [
        (0, True),
        (100, True),
        (100, True),
    ]
    kept = [operation for plan in plans for operation in plan.operations if isinstance(operation, Snapshot)]
    assert len(kept) == 1
    assert sum(row.count for plan in plans for row in plan.rows if row.output == "none") == 101 + 1 + 1


def test_nothing_is_kept_for_who_begins_otherwise() -> None:
    made = scheduler(chunk=128)
    questions(made, 7)
    made.add(sequence(120, token=4))
    plans = [step(made) for _ in range(4)]
    assert {operation.op for plan in plans for operation in plan.operations} == {"open", "forward"}


def test_a_reply_is_kept_for_the_next_turn() -> None:
    made = scheduler()
    first = sequence(20)
    made.add(first)
    for _ in range(4):
        step(made)
    said = [*first.tokens]
    made.remove(first)
    closing = step(made)
    assert closing.kind == "housekeeping"
    (close,) = closing.operations
    assert isinstance(close, Close)
    assert close.keep is not None
    second = SequenceState(choice=0, sampling=Sampling(), prompt_ids=(*said, 5, 5, 5), most=900)
    made.add(second)
    plan = step(made)
    assert opens([plan])[0].start == Start(snapshot=close.keep, length=len(said) - 1, take=True)
    assert counts(plan) == [3]
    assert second.cached == len(said) - 1


def test_what_cannot_be_trimmed_is_kept_at_the_end_of_the_prompt() -> None:
    made = scheduler(report=StageReport(trimmable=False))
    for _ in range(2):
        made.add(sequence(20))
    plans = [step(made) for _ in range(4)]
    assert [opened.start for opened in opens(plans)] == [None, Start(snapshot=1, length=19, take=True)]
