"""A step that the scheduler has decided on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from exo_engine.sequence import SequenceState
from exo_engine.steps import Operation, Row

PlanKind = Literal["announcement", "decode", "chunk", "housekeeping"]
"""The empty first step of a generation; a micro-batch of rows of one token; a chunk of prompts; operations alone."""


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
    runs_ahead: bool = False
    """Whether its sequences may be in the next step before it is answered."""
