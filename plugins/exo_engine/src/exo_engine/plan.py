"""A step that the scheduler has decided on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal, final

from exo_engine.sequence import SequenceState
from exo_engine.steps import Operation, Row

PlanKind = Literal["announcement", "decode", "chunk", "housekeeping"]
"""The empty first step of a generation; a micro-batch of rows of one token; a chunk of prompts, perhaps with such a
micro-batch ahead of it; operations alone.
"""


@dataclass(frozen=True, eq=False, kw_only=True)
class Plan:
    """A step's operations (the `Forward` among them, if any), its rows with their sequences, and their token ids."""

    kind: PlanKind
    number: int
    """Of the step in its generation."""
    operations: tuple[Operation, ...] = ()
    rows: tuple[Row, ...] = ()
    sequences: tuple[SequenceState, ...] = ()
    inputs: Sequence[int] = ()
    """Without those that are being drawn."""
    begun: tuple[SequenceState, ...] = ()
    """Sequences that are opened with it, whether they have rows in it or not."""
    issued_at: float = 0.0
    alone: bool = False
    """Whether nothing else was under way when it was issued."""
    decoding: int = 0
    """How many of its rows, the first ones, decode."""
    runs_ahead: bool = False
    """Whether its sequences may be in the next step before it is answered."""

    @property
    def decoded(self) -> Sequence[SequenceState]:
        """The sequences of the rows that decode."""
        return self.sequences[: self.decoding]


@final
@dataclass
class StepDraft:
    """What the next step computes, as far as it is decided."""

    rows: list[Row] = field(default_factory=list[Row])
    sequences: list[SequenceState] = field(default_factory=list[SequenceState])
    inputs: list[int] = field(default_factory=list[int])
    decoding: int = 0
    runs_ahead: bool = False

    @property
    def kind(self) -> PlanKind:
        """What it is called, if nothing is added."""
        if not self.rows:
            return "housekeeping"
        return "decode" if self.decoding == len(self.rows) else "chunk"

    def add_decoding(self, sequence: SequenceState) -> None:
        """The sequence's last token, ahead of all chunks."""
        self._add(sequence, *sequence.take_last())
        self.decoding += 1

    def add_chunk(self, sequence: SequenceState, limit: int) -> None:
        """At most `limit` tokens of its prompt."""
        self._add(sequence, *sequence.take_chunk(limit))

    def _add(self, sequence: SequenceState, row: Row, tokens: list[int]) -> None:
        self.rows.append(row)
        self.sequences.append(sequence)
        self.inputs.extend(tokens)
