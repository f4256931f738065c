"""How many micro-batches the decoding sequences are divided into at present."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from statistics import median
from typing import final

from exo_engine.micro_batch_choice import choose_micro_batches
from exo_engine.step_times import StepTimes
from exo_engine.steps import StageReport

_RECONSIDERED_AFTER = 16
"""Steps."""


@final
class MicroBatches:
    """A choice that follows what steps really take. `fixed` takes the choice away (0 leaves it)."""

    def __init__(self, reports: Sequence[StageReport], *, fixed: int) -> None:
        self._times = StepTimes([report.decode_seconds for report in reports])
        self._fixed = fixed
        self._links: deque[float] = deque(maxlen=9)
        self._present = 1
        self._chosen_for = 0
        self._steps = 0

    def wanted(self, rows: int) -> int:
        """For so many decoding sequences."""
        if self._fixed:
            return self._fixed
        if rows != self._chosen_for or self._steps >= _RECONSIDERED_AFTER:
            self._chosen_for, self._steps = rows, 0
            link = median(self._links) if self._links else 0.0
            self._present = choose_micro_batches(rows, self._times, link_seconds=link, present=self._present)
        return self._present

    def note(self, rows: int, seconds: Sequence[float], round_trip: float | None) -> None:
        """A micro-batch took so long on each stage, and once around `round_trip` if nothing else was under way."""
        self._steps += 1
        self._times.note(rows, seconds)
        if round_trip is not None:
            self._links.append(max(0.0, round_trip - sum(seconds)))
