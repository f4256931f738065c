"""What a step does to a stage: its operations, one after the other, and how long they took."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from exo_engine.stage import Activation, Stage, TailOutput
from exo_engine.steps import Close, Evict, Forward, Open, Operation, Snapshot, Trim


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
            _change(stage, operation)
    return Executed(output, clock() - began)


def _present(inputs: Sequence[int] | Activation | None) -> Sequence[int] | Activation:
    if inputs is None:
        message = "a forward came without its inputs"
        raise ValueError(message)
    return inputs


def _change(stage: Stage, operation: Open | Trim | Snapshot | Evict | Close) -> None:
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
