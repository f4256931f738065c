"""A scheduler without stages: every step is answered in order, every draw is token 7."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from exo_core.requests import Sampling
from exo_engine.plan import Plan
from exo_engine.scheduler import Scheduler
from exo_engine.sequence import SequenceState
from exo_engine.steps import Open, StageReport

FREE = StageReport(trimmable=True)
"""No limit is known, and caches can be cut."""


def scheduler(
    stages: int = 1,
    *,
    chunk: int = 16,
    report: StageReport = FREE,
    micro_batches: int = 0,
    context: int = 1000,
    runs_ahead: bool = False,
) -> Scheduler:
    """One whose stages have just said what they have room for."""
    made = Scheduler(
        stages=stages, context=context, prefill_chunk=chunk, micro_batches=micro_batches, runs_ahead=runs_ahead
    )
    made.start_over()
    made.settle((0.0,) * stages)
    made.begin([report] * stages)
    return made


def sequence(length: int, *, token: int = 1, most: int = 900, siblings: bool = False) -> SequenceState:
    """One with a prompt of equal tokens."""
    return SequenceState(
        choice=0, sampling=Sampling(), prompt_ids=(token,) * length, most=most, has_siblings=siblings, wants="tokens"
    )


def settle(made: Scheduler) -> Plan:
    """Answer the oldest step."""
    plan = made.settle((0.01,))
    for each, row in zip(plan.sequences, plan.rows, strict=True):
        if row.output == "token" and each.id == row.sequence:
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
    """Whether the stages know it."""
    return sequence.id is not None


def step_until(made: Scheduler, happened: Callable[[], bool]) -> None:
    """Step by step."""
    while not happened():
        step(made)


def counts(plan: Plan) -> list[int]:
    """Tokens of each row."""
    return [row.count for row in plan.rows]


def opens(plans: Sequence[Plan]) -> list[Open]:
    """The sequences that are opened with these steps."""
    return [operation for plan in plans for operation in plan.operations if isinstance(operation, Open)]
