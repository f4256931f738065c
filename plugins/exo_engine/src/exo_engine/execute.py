"""What a step does to a stage: its operations, one after the other, and how long they took."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from exo_engine.stage import Activation, Stage, TailOutput
from exo_engine.steps import (
    Close,
    Evict,
    Forward,
    Generation,
    Limit,
    Open,
    Operation,
    Resized,
    Snapshot,
    StageReport,
    StepAnswer,
    Trim,
)


@dataclass(frozen=True)
class Executed:
    """What a step's `Forward` gave (None for a step without one), and the seconds all its operations took."""

    output: Activation | TailOutput | None
    seconds: float

    @property
    def activation(self) -> Activation | None:
        """What the next stage needs."""
        return self.output if isinstance(self.output, Activation) else None

    @property
    def tail(self) -> TailOutput:
        """What the last stage gave."""
        return self.output if isinstance(self.output, TailOutput) else TailOutput()


def execute(
    stage: Stage,
    operations: Sequence[Operation],
    inputs: Sequence[int] | Activation | None,
    clock: Callable[[], float] = time.perf_counter,
) -> Executed:
    """Do all operations in order. Raises whatever the stage raises."""
    began = clock()
    output: Activation | TailOutput | None = None
    for operation in operations:
        if isinstance(operation, Forward):
            output = stage.forward(operation.rows, _present(inputs))
        else:
            change(stage, operation)
    return Executed(output, clock() - began)


def answer_of(
    step: tuple[Generation, int],
    tail: TailOutput,
    *,
    seconds: tuple[float, ...],
    reports: tuple[StageReport, ...] = (),
    resized: tuple[Resized, ...] = (),
) -> StepAnswer:
    """The answer to a step (its generation and number) that went well."""
    generation, number = step
    return StepAnswer(
        generation=generation,
        number=number,
        drawn=tail.drawn,
        sums=tail.sums,
        scored=tail.scored,
        seconds=seconds,
        reports=reports,
        resized=resized,
    )


def _present(inputs: Sequence[int] | Activation | None) -> Sequence[int] | Activation:
    if inputs is None:
        message = "a forward came without its inputs"
        raise ValueError(message)
    return inputs


def change(stage: Stage, operation: Open | Trim | Snapshot | Evict | Close | Limit) -> None:
    """Do what is no `Forward`. A limit asks nothing of a stage: it holds already, and `CacheLimit` hears of it."""
    match operation:
        case Open():
            stage.open(operation)
        case Trim():
            stage.trim(operation.sequence, operation.length)
        case Snapshot():
            stage.snapshot(operation.sequence, operation.snapshot)
        case Evict():
            stage.evict(operation.snapshot)
        case Close():
            stage.close(operation.sequence, operation.keep)
        case Limit():
            pass
