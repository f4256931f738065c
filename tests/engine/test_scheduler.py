"""Which steps follow one another: chunks of prompts, and micro-batches of those that decode."""

from __future__ import annotations

import pytest

from exo_engine.scheduler import Scheduler
from exo_engine.steps import Forward, StageReport
from exo_engine.testing.scheduler_by_hand import counts, decoding, scheduler, sequence, settle, step


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


@pytest.mark.parametrize(("stages", "named"), [(1, ()), (2, (1, 2))])
def test_rows_that_no_link_may_round_are_named_where_there_are_links(stages: int, named: tuple[int, ...]) -> None:
    made = scheduler(stages)
    for token, exact in enumerate((False, True, True)):
        made.add(each := sequence(4, token=token))
        each.exact |= exact
    forward = step(made).operations[-1]
    assert isinstance(forward, Forward)
    assert forward.exact == named
    assert forward.exact_tokens == [3 * place + token for place in named for token in range(3)]


def test_over_several_stages_running_streams_and_chunks_of_a_long_prompt_take_turns() -> None:
    made = scheduler(2)
    decoding(made, 3)
    made.add(sequence(50))
    kinds = [(plan := step(made)).kind + str(len(plan.rows)) for _ in range(8)]
    assert kinds == ["decode3", "chunk1"] * 4


@pytest.mark.parametrize("runs_ahead", [True, False])
def test_on_one_stage_running_streams_go_with_each_chunk(runs_ahead: bool) -> None:
    made = scheduler(runs_ahead=runs_ahead)
    decoding(made, 3)
    made.add(sequence(50))
    steps = [step(made) for _ in range(5)]
    assert [counts(plan) for plan in steps] == [[1, 1, 1, chunk] for chunk in (16, 16, 16, 1, 1)]
    assert [plan.decoding for plan in steps] == [3, 3, 3, 3, 4]
    assert [plan.kind for plan in steps] == ["chunk"] * 4 + ["decode"]


def test_a_chunk_waits_for_a_running_stream_whose_answer_decides_how_it_goes_on() -> None:
    made = scheduler(runs_ahead=True)
    (running,) = decoding(made, 1)
    running.allowed = b"\xff"
    settled = step(made)
    made.add(sequence(50))
    assert not settled.runs_ahead
    assert made.next_plan() is not None
    assert made.next_plan() is None
    settle(made)
    again = made.next_plan()
    assert again is not None
    assert counts(again) == [1, 16]


def test_short_prompts_share_a_chunk_in_the_order_they_came() -> None:
    made = scheduler()
    for length in (6, 5, 12, 3):
        made.add(sequence(length))
    assert [counts(step(made)) for _ in range(3)] == [[5, 4, 7], [1, 1, 4, 2], [1] * 4]


MEASURED = StageReport(trimmable=True, chunk_seconds=((16, 0.25),))
"""A chunk is 16 tokens; 32 go together in a crowd, 128 while nobody waits (64 of two stages)."""


def test_while_nobody_waits_for_a_next_token_prompts_go_together_each_with_a_chunk_at_most() -> None:
    made = scheduler(chunk=0, report=MEASURED)
    for length in (6, 5, 12, 30, 3):
        made.add(sequence(length))
    assert [counts(step(made)) for _ in range(3)] == [[5, 4, 11, 16, 2], [1, 1, 1, 1, 13], [1] * 5]


def test_of_long_prompts_one_is_read_after_the_other() -> None:
    made = scheduler(chunk=0, report=MEASURED)
    for length in (6, 200, 200):
        made.add(sequence(length))
    assert [counts(step(made)) for _ in range(3)] == [[5, 16], [1, 16], [1, 16]]


def test_who_comes_while_the_first_prompt_is_read_goes_with_its_first_token() -> None:
    made = scheduler(chunk=0, report=MEASURED)
    made.add(sequence(10))
    step(made)
    for _ in range(7):
        made.add(sequence(12))
    assert counts(step(made)) == [1] + [11] * 7
    assert counts(step(made)) == [1] * 8


def test_a_stream_that_has_a_token_waits_for_a_chunk_and_no_longer() -> None:
    made = scheduler(chunk=0, report=MEASURED)
    decoding(made, 1)
    step(made)
    for _ in range(7):
        made.add(sequence(200))
    assert [counts(step(made)) for _ in range(2)] == [[1, 16], [1, 16]]


def test_while_most_wait_for_a_first_token_several_prompts_go_together() -> None:
    made = scheduler(chunk=0, report=MEASURED)
    decoding(made, 1)
    step(made)
    for _ in range(6):
        made.add(sequence(12))
    assert [counts(step(made)) for _ in range(3)] == [[1, 11, 11, 10], [1] * 3 + [1, 11, 11, 9], [1] * 6 + [2]]


@pytest.mark.parametrize("stages", [1, 2])
def test_chunks_of_a_long_prompt_become_shorter_as_they_take_longer_but_only_while_a_stream_waits(stages: int) -> None:
    report = StageReport(trimmable=True, chunk_seconds=((64, 0.25),))

    def chunks_after(seconds: float, running: int) -> list[int]:
        made = scheduler(stages, chunk=0, report=report)
        decoding(made, running)
        made.add(sequence(1000))
        found: list[int] = []
        for _ in range(8):
            plan = made.next_plan()
            assert plan is not None
            found.extend(row.count for row in plan.rows[plan.decoding :])
            while made.under_way:
                for each in made.settle([seconds] * stages).decoded:
                    each.tokens.append(0)
        return found

    assert set(chunks_after(0.3, 1)) == {64}
    assert chunks_after(0.5, 1)[:2] == [64, 32]
    assert set(chunks_after(3.0, 1)[1:]) == {8}
    assert set(chunks_after(3.0, 0)) == {64}


def test_streams_that_take_long_by_themselves_do_not_make_chunks_shorter() -> None:
    made = scheduler(chunk=0, report=StageReport(trimmable=True, chunk_seconds=((64, 0.25),)))
    decoding(made, 8)
    found: list[int] = []
    for number in range(6):
        if number == 1:
            made.add(sequence(1000))
        plan = made.next_plan()
        assert plan is not None
        found.extend(row.count for row in plan.rows[plan.decoding :])
        for each in made.settle([0.5 if plan.kind == "decode" else 0.75]).decoded:
            each.tokens.append(0)
    assert found == [64] * 5


@pytest.mark.parametrize("stages", [2, 3])
def test_several_stages_compute_prompts_together_until_the_first_has_drawn(stages: int) -> None:
    made = scheduler(stages, chunk=0, report=MEASURED)
    for _ in range(60):
        made.add(sequence(9))
    most = 128 // stages
    first, drawing, second = (made.next_plan() for _ in range(3))
    assert first is not None
    assert second is not None
    assert drawing is not None
    assert (sum(counts(first)), drawing.kind, sum(counts(second))) == (most, "decode", most)
    while made.under_way:
        settle(made)
    kinds = [made.next_plan() for _ in range(2)]
    assert [sum(counts(plan)) for plan in kinds if plan is not None and plan.kind == "chunk"] == [32]


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
