"""Which steps follow one another. The stages are imagined: every step is answered in order, every draw is token 7."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import pytest

from exo_core.requests import Sampling
from exo_engine.plan import Plan
from exo_engine.scheduler import Scheduler
from exo_engine.sequence import SequenceState
from exo_engine.steps import Close, Open, Snapshot, StageReport, Start

FREE = StageReport(trimmable=True)


def scheduler(
    stages: int = 1, *, chunk: int = 16, report: StageReport = FREE, micro_batches: int = 0, context: int = 1000
) -> Scheduler:
    """One whose stages have just said what they have room for."""
    made = Scheduler(stages=stages, context=context, prefill_chunk=chunk, micro_batches=micro_batches)
    made.start_over()
    made.settle((0.0,) * stages)
    made.begin([report] * stages)
    return made


def sequence(length: int, *, token: int = 1, most: int = 900, siblings: bool = False) -> SequenceState:
    return SequenceState(
        choice=0, sampling=Sampling(), prompt_ids=(token,) * length, most=most, has_siblings=siblings, wants="tokens"
    )


def settle(made: Scheduler) -> Plan:
    """Answer the oldest step."""
    plan = made.settle((0.01,))
    for each, row in zip(plan.sequences, plan.rows, strict=True):
        if plan.kind == "decode" and each.id == row.sequence:
            each.tokens.append(7)
    return plan


def step(made: Scheduler) -> Plan:
    """One step, issued and answered; a scheduler that has nothing to do fails the test."""
    plan = made.next_plan()
    assert plan is not None
    while made.under_way:
        settle(made)
    return plan


def decoding(made: Scheduler, count: int) -> list[SequenceState]:
    """So many sequences that decode, one with the other."""
    sequences = [sequence(2, token=number + 10) for number in range(count)]
    for each in sequences:
        made.add(each)
    while made.waiting:
        step(made)
    return sequences


def is_open(sequence: SequenceState) -> bool:
    return sequence.id is not None


def step_until(made: Scheduler, happened: Callable[[], bool]) -> None:
    while not happened():
        step(made)


def counts(plan: Plan) -> list[int]:
    return [row.count for row in plan.rows]


def test_a_prompt_is_computed_up_to_its_last_token_which_draws() -> None:
    made = scheduler()
    made.add(sequence(20))
    plans = [step(made) for _ in range(4)]
    assert [(plan.kind, counts(plan), plan.rows[0].output) for plan in plans] == [
        ("chunk", [16], "none"),
        ("chunk", [3], "none"),
        ("decode", [1], "token"),
        ("decode", [1], "token"),
    ]
    assert [row.position for plan in plans for row in plan.rows] == [0, 16, 19, 20]


def test_a_prompt_of_one_token_is_a_decode_step() -> None:
    made = scheduler()
    made.add(sequence(1))
    plan = step(made)
    assert plan.kind == "decode"
    assert [operation.op for operation in plan.operations] == ["open", "forward"]


def test_running_streams_and_chunks_of_a_long_prompt_take_turns() -> None:
    made = scheduler()
    decoding(made, 3)
    made.add(sequence(50))
    kinds = [(plan := step(made)).kind + str(len(plan.rows)) for _ in range(8)]
    assert kinds == ["decode3", "chunk1"] * 4


def test_short_prompts_share_a_chunk_in_the_order_they_came() -> None:
    made = scheduler()
    for length in (6, 5, 12, 3):
        made.add(sequence(length))
    assert [counts(step(made)) for _ in range(2)] == [[5, 4, 7], [1] * 2]
    assert counts(step(made)) == [4, 2]
    assert counts(step(made)) == [1] * 4


@pytest.mark.parametrize("stages", [2, 3])
def test_a_long_prompt_has_a_chunk_on_every_stage(stages: int) -> None:
    made = scheduler(stages)
    made.add(sequence(200))
    for _ in range(stages + 1):
        plan = made.next_plan()
        assert plan is not None
        assert plan.kind == "chunk"
    assert [plan.rows[0].position for plan in made.under_way] == [16 * at for at in range(stages + 1)]


@pytest.mark.parametrize(("stages", "chunks"), [(2, 1), (3, 2), (4, 3)])
def test_behind_a_micro_batch_goes_a_chunk_for_every_further_stage(stages: int, chunks: int) -> None:
    made = scheduler(stages)
    decoding(made, 2)
    made.add(sequence(400))
    kinds: list[str] = []
    while (plan := made.next_plan()) is not None:
        kinds.append(plan.kind)
        while made.under_way and made.under_way[0].kind == "chunk":
            settle(made)
    assert kinds[-chunks - 1 :] == ["decode", *["chunk"] * chunks]
    settle(made)
    again = made.next_plan()
    assert again is not None
    assert again.kind == "decode"


def sizes_of_round(made: Scheduler) -> list[int]:
    """How the sequences are divided when everybody has gone once."""
    sizes: list[int] = []
    while (plan := made.next_plan()) is not None:
        if plan.kind == "decode":
            sizes.append(len(plan.rows))
    return sizes


def test_micro_batches_are_even_and_stay_so_when_sequences_leave_and_join() -> None:
    made = scheduler(3, micro_batches=3)
    sequences = decoding(made, 9)
    assert sizes_of_round(made) == [3, 3, 3]
    for gone in (sequences[0], sequences[1], sequences[5]):
        made.remove(gone, keep=False)
    assert [next_size(made) for _ in range(6)][-3:] == [2, 2, 2]
    for number in range(6):
        made.add(sequence(1, token=number + 40))
    assert [next_size(made) for _ in range(9)][-3:] == [4, 4, 4]


def next_size(made: Scheduler) -> int:
    """When the oldest step was answered, how many rows the next one has."""
    settle(made)
    plan = made.next_plan()
    assert plan is not None
    return len(plan.rows)


def test_a_lone_sequence_is_not_divided() -> None:
    made = scheduler(2, micro_batches=2)
    decoding(made, 1)
    assert sizes_of_round(made) == [1]


def test_everybody_goes_once_between_chunks_and_while_a_long_prompt_is_computed_all_together() -> None:
    made = scheduler(2, micro_batches=2)
    decoding(made, 4)
    assert next_of(made) == ("decode", 2)
    made.add(sequence(300))
    assert next_of(made) == ("decode", 2)
    assert next_of(made) == ("chunk", 1)
    while made.under_way:
        settle(made)
    assert [next_of(made) for _ in range(2)] == [("decode", 4), ("chunk", 1)]


def test_a_short_prompt_does_not_disturb_the_micro_batches() -> None:
    made = scheduler(2, micro_batches=2)
    decoding(made, 4)
    kinds = [next_of(made), next_of(made)]
    made.add(sequence(10))
    kinds.append(next_of(made))
    for _ in range(2):
        settle(made)
        kinds.append(next_of(made))
    assert kinds == [("decode", 2), ("decode", 2), ("chunk", 1), ("decode", 3), ("decode", 2)]


def next_of(made: Scheduler) -> tuple[str, int]:
    plan = made.next_plan()
    assert plan is not None
    return plan.kind, len(plan.rows)


def opens(plans: Sequence[Plan]) -> list[Open]:
    return [operation for plan in plans for operation in plan.operations if isinstance(operation, Open)]


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


def test_the_chunk_is_chosen_once() -> None:
    made = Scheduler(stages=1, context=10_000)
    for table in (((64, 0.1), (128, 0.2), (256, 0.4)), ((64, 0.01), (128, 0.02), (256, 0.04))):
        made.start_over()
        made.settle((0.0,))
        made.begin([StageReport(chunk_seconds=table)])
        made.add(sequence(400))
        assert counts(step(made)) == [128]


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
    made.rows_failed(8)
    assert [len(step(made).rows) for _ in range(3)] == [4, 4, 4]
    made.one_was_to_blame()
    assert len(step(made).rows) == 8


def test_a_chunk_has_no_more_prompts_than_a_step_may_have_rows() -> None:
    made = scheduler()
    made.rows_failed(4)
    for number in range(3):
        made.add(sequence(3, token=number + 10))
    assert counts(step(made)) == [2, 2]
