"""Which operations the next step has. Knows sequences; owns no tensors, no links, no requests.

Every known token that no step was issued for is work, whether it came from a prompt, a replay or the last draw; so
decode, chunked prefill and prompts that stream through the stages chunk behind chunk are one rule. How many sequences
are open at once and how many rows a step may have are limits that the caller sets.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from typing import final

from exo_engine.sequence import SequenceState
from exo_engine.steps import Close, Forward, Operation, Row, SequenceId


@dataclass(frozen=True)
class Plan:
    """A step to issue: operations, the rows of its `Forward` if it has one, and those rows' token ids in order."""

    operations: tuple[Operation, ...]
    rows: tuple[Row, ...]
    inputs: Sequence[int]


@final
class Scheduler:
    """First come, first served. Decode rows go before prompts; at most one row of a step is part of a prompt."""

    def __init__(self, *, prefill_chunk: int, open_sequences: int = 1, rows_per_step: int = 1) -> None:
        self._prefill_chunk = max(1, prefill_chunk)
        self._open_sequences = open_sequences
        self._rows_per_step = rows_per_step
        self._waiting: deque[SequenceState] = deque()
        self._active: deque[SequenceState] = deque()
        self._closing: list[SequenceId] = []

    @property
    def waiting(self) -> Sequence[SequenceState]:
        """Sequences that no step was issued for, the next one first."""
        return self._waiting

    def add(self, sequence: SequenceState) -> None:
        """Queue a new sequence."""
        self._waiting.append(sequence)

    def remove(self, sequence: SequenceState) -> None:
        """It is over, finished or not. If the stages know it, the next step closes it."""
        if sequence in self._active:
            self._active.remove(sequence)
        elif sequence in self._waiting:
            self._waiting.remove(sequence)
        if sequence.opened:
            sequence.opened = False
            self._closing.append(sequence.id)

    def abandon(self) -> None:
        """The stages dropped everything: forget the open sequences. Those that were not opened go on waiting."""
        self._waiting.extendleft(sequence for sequence in reversed(self._active) if not sequence.opened)
        self._active.clear()
        self._closing.clear()

    def next_plan(self) -> Plan | None:
        """The next step, or None when there is nothing to do before an answer or a new sequence comes."""
        self._activate()
        chosen = self._choose()
        if not chosen and not self._closing:
            return None
        operations: list[Operation] = [Close(sequence=closed) for closed in self._closing]
        self._closing.clear()
        operations.extend(sequence.open() for sequence in chosen if not sequence.opened)
        rows, inputs = self._take(chosen)
        if rows:
            operations.append(Forward(rows=rows))
        return Plan(tuple(operations), rows, inputs)

    def _activate(self) -> None:
        while self._waiting and len(self._active) < self._open_sequences:
            self._active.append(self._waiting.popleft())

    def _choose(self) -> list[SequenceState]:
        ready = [sequence for sequence in self._active if sequence.pending]
        decoding = [sequence for sequence in ready if sequence.is_decoding][: self._rows_per_step]
        room = self._rows_per_step - len(decoding)
        return decoding + [sequence for sequence in ready if not sequence.is_decoding][: min(1, room)]

    def _take(self, chosen: list[SequenceState]) -> tuple[tuple[Row, ...], list[int]]:
        rows: list[Row] = []
        inputs: list[int] = []
        for sequence in chosen:
            row, tokens = sequence.take(self._prefill_chunk)
            rows.append(row)
            inputs.extend(tokens)
            self._active.remove(sequence)  # to the back: the longest not served goes first
            self._active.append(sequence)
        return tuple(rows), inputs
