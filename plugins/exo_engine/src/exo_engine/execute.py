"""What a step does to a stage: its operations, one after the other."""

from __future__ import annotations

from collections.abc import Sequence

from exo_engine.stage import Activation, Stage
from exo_engine.steps import Close, Drawn, Evict, Forward, Open, Operation, Snapshot, Trim

Output = Activation | Sequence[Drawn] | None
"""What a step's `Forward` gave: hidden states, on the last stage what was drawn; None for a step without one."""


def execute(stage: Stage, operations: Sequence[Operation], inputs: Sequence[int] | Activation | None) -> Output:
    """Do all operations in order. Raises whatever the stage raises."""
    output: Output = None
    for operation in operations:
        if isinstance(operation, Forward):
            output = stage.forward(operation.rows, _present(inputs))
        else:
            _change(stage, operation)
    return output


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
            stage.close(operation.sequence)
