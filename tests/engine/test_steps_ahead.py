"""A step is prepared before the one before is answered, and what it is fed is what that one draws."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from exo_core.identifiers import RequestId
from exo_core.requests import Answer, Chunk, Failed, Generate, Sampling, TextPrompt
from exo_engine.scheduler import Scheduler
from exo_engine.sequence import SequenceState
from exo_engine.stage import TailOutput
from exo_engine.steps import Close, Forward, Generation, Open, Operation, Row, StageReport, Trim
from exo_engine.steps_ahead import StepsAhead
from exo_engine.testing.arithmetic_stage import ArithmeticStage
from exo_engine.testing.pipeline_threads import arithmetic_pipeline
from exo_engine.testing.scheduler_by_hand import FREE, decoding, scheduler, sequence, settle

LAYERS = 3
GREEDY = Sampling(temperature=0)
OPEN = Open(sequence=1, choice=0, sampling=GREEDY, prompt_ids=(5, 6))
WHOLE_ONLY = StageReport(trimmable=False)


def whole_stage() -> ArithmeticStage:
    return ArithmeticStage(start=0, end=LAYERS, layers=LAYERS)


def begun(stage: ArithmeticStage) -> StepsAhead:
    steps = StepsAhead(stage)
    steps.begin(Generation(placement_id="p", start=1, n=1))
    assert steps.receive(0) is None
    assert steps.receive(0) is not None
    return steps


def first() -> list[Operation]:
    return [OPEN, Forward(rows=(Row(sequence=1, position=0, count=2, output="token"),))]


def following(position: int) -> list[Operation]:
    return [Forward(rows=(Row(sequence=1, position=position, count=1, output="token", drawn=True),))]


def drawn(steps: StepsAhead) -> int:
    answer = steps.receive(1)
    assert answer is not None
    return answer.drawn[0].token_id


def test_what_is_fed_ahead_is_what_was_drawn() -> None:
    steps, alone = begun(whole_stage()), whole_stage()
    steps.issue(first(), [5, 6])
    assert steps.receive(0) is None, "another may be issued first"
    found: list[int] = []
    for position in range(2, 12):
        steps.issue(following(position), [])
        assert not steps.has_room
        found.append(drawn(steps))
    alone.open(OPEN)
    tokens = [5, 6]
    for position in (0, *range(2, 11)):
        row = Row(sequence=1, position=position, count=len(tokens) - position, output="token")
        output = alone.forward([row], tokens[position:])
        assert isinstance(output, TailOutput)
        tokens.append(output.drawn[0].token_id)
    assert found == tokens[2:]


@pytest.mark.parametrize(
    ("by_itself", "order"),
    [
        (True, ["prepared", "started", "prepared", "started", "finished", "prepared", "started"]),
        (False, ["prepared", "started", "prepared", "finished", "started", "prepared"]),
    ],
)
def test_a_start_that_takes_as_long_as_computing_waits_for_the_answer_before(by_itself: bool, order: list[str]) -> None:
    stage = whole_stage()
    stage.by_itself = by_itself
    steps = begun(stage)
    steps.issue(first(), [5, 6])
    steps.issue(following(2), [])
    drawn(steps)
    steps.issue(following(3), [])
    assert stage.happened == order


@pytest.mark.parametrize("by_itself", [True, False])
def test_ahead_of_a_step_that_only_reads_comes_none_that_would_not_be_computed_meanwhile(by_itself: bool) -> None:
    stage = whole_stage()
    stage.by_itself = by_itself
    steps = begun(stage)
    steps.issue([OPEN, Forward(rows=(Row(sequence=1, position=0, count=1),))], [5])
    assert steps.has_room is by_itself
    assert (steps.receive(0) is None) is by_itself


def test_after_a_step_that_cannot_be_prepared_comes_none() -> None:
    stage = whole_stage()
    steps = begun(stage)
    steps.issue(first(), [5, 6])
    stage.failures = 1
    steps.issue(following(2), [])
    assert drawn(steps) >= 0
    assert not steps.has_room
    answer = steps.receive(1)
    assert answer is not None
    assert answer.error is not None


@pytest.mark.parametrize("late", [True, False])
def test_a_failure_with_a_step_ahead_is_heard_by_nobody(late: bool) -> None:
    def ask() -> Generate:
        return Generate(request_id=RequestId("a"), prompt=TextPrompt(text="abc"), sampling=GREEDY, max_tokens=300)

    with arithmetic_pipeline(1).threads as threads:
        alone = [answer for answer in threads.ask(ask()) if isinstance(answer, Chunk)]
    pipeline = arithmetic_pipeline(1)
    heard: list[Answer] = []
    with pipeline.threads as threads:
        other = threads.submit(ask().model_copy(update={"request_id": RequestId("b"), "max_tokens": None}))
        for answer in threads.submit(ask()):
            heard.append(answer)
            if isinstance(answer, Chunk) and answer.index == 5:
                pipeline.stages[0].late_failures = int(late)
                pipeline.stages[0].failures = int(not late)
        threads.engines[0].cancel(RequestId("b"))
        ends = [answer for answer in other if isinstance(answer, Failed | Chunk)][-1]
    assert [answer for answer in heard if isinstance(answer, Chunk)] == alone
    assert isinstance(ends, Chunk)
    assert ends.finish == "cancelled"


def test_who_was_in_the_step_ahead_may_be_to_blame_for_what_the_device_tells_of_the_one_before() -> None:
    def ask(name: str, text: str) -> Generate:
        return Generate(request_id=RequestId(name), prompt=TextPrompt(text=text), sampling=GREEDY, max_tokens=400)

    with arithmetic_pipeline(1).threads as threads:
        alone = tokens_of(threads.ask(ask("a", "abc")))
    pipeline = arithmetic_pipeline(1)
    pipeline.stages[0].by_itself = True
    pipeline.stages[0].late_poison = ord("!")
    with pipeline.threads as threads:
        heard: list[Answer] = []
        guilty: list[Answer] = []
        for answer in threads.submit(ask("a", "abc")):
            heard.append(answer)
            if not guilty and isinstance(answer, Chunk):
                guilty = threads.ask(ask("b", "!"))
    assert isinstance(guilty[-1], Failed)
    assert guilty[-1].code == "engine_error"
    assert tokens_of(heard) == alone


def tokens_of(answers: Sequence[Answer]) -> list[int]:
    return [answer.token_id for answer in answers if isinstance(answer, Chunk)]


def test_a_sequence_goes_on_while_its_token_is_drawn() -> None:
    made = ahead(2)
    second = made.next_plan()
    assert second is not None
    assert [(row.position, row.drawn) for plan in made.under_way for row in plan.rows] == [(1, False), (2, True)]
    assert list(second.inputs) == []
    settle(made)
    third = made.next_plan()
    assert third is not None
    assert [(row.position, row.drawn) for row in third.rows] == [(3, True)]


def test_a_batch_goes_on_whole_or_waits() -> None:
    made = scheduler(runs_ahead=True)
    decoding(made, 2)
    penalised = SequenceState(choice=0, sampling=Sampling(presence_penalty=1), prompt_ids=(1,), most=900)
    made.add(penalised)
    plan = made.next_plan()
    assert plan is not None
    while penalised not in plan.sequences:
        settle(made)
        plan = made.next_plan()
        assert plan is not None
    while len(made.under_way) > 1:
        settle(made)
    assert made.next_plan() is None
    settle(made)
    again = made.next_plan()
    assert again is not None
    assert len(again.rows) == 3
    assert not any(row.drawn for row in again.rows)


@pytest.mark.parametrize("reason", ["grammar", "suspect"])
def test_who_depends_on_the_answer_waits_for_it(reason: str) -> None:
    made = scheduler(runs_ahead=True)
    one = sequence(1)
    one.allowed = b"\xff" if reason == "grammar" else None
    one.is_suspect = reason == "suspect"
    made.add(one)
    assert made.next_plan() is not None
    assert made.next_plan() is None


def test_nobody_goes_on_beyond_the_last_token() -> None:
    made = scheduler(runs_ahead=True)
    made.add(sequence(1, most=3))
    assert [plan is not None for plan in (made.next_plan(), made.next_plan(), made.next_plan())] == [True, True, False]


def test_who_ends_with_a_step_ahead_leaves_the_step_after_and_keeps_what_is_known() -> None:
    made = ahead(50)
    (one,) = made.open.by_name.values()
    name = one.id
    assert made.next_plan() is not None
    made.remove(one)
    plan = made.next_plan()
    assert plan is not None
    assert [operation for operation in plan.operations if isinstance(operation, Trim | Close)] == [
        Trim(sequence=name or 0, length=50),
        Close(sequence=name or 0, keep=1),
    ]


def test_caches_that_cannot_be_cut_are_not_kept_with_a_token_that_nobody_knows() -> None:
    made = ahead(50, WHOLE_ONLY)
    (one,) = made.open.by_name.values()
    assert made.next_plan() is not None
    made.remove(one)
    plan = made.next_plan()
    assert plan is not None
    assert [operation.keep for operation in plan.operations if isinstance(operation, Close)] == [None]


def ahead(prompt: int, report: StageReport = FREE) -> Scheduler:
    """One whose sequence has its first token under way."""
    made = scheduler(runs_ahead=True, report=report, chunk=100)
    made.add(sequence(prompt))
    while not made.under_way or made.under_way[-1].kind != "decode":
        assert made.next_plan() is not None
    while len(made.under_way) > 1:
        settle(made)
    return made
