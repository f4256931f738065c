"""What one forward of a last stage is to compute, and what came out of it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import final

import mlx.core as mx
import numpy as np

from exo_backend_mlx.drawing import Drawing
from exo_backend_mlx.evaluation import evaluate, first_number, start_evaluating
from exo_backend_mlx.unused_memory import after_a_long_pass
from exo_engine.stage import TailOutput
from exo_engine.steps import HiddenSum, Row, Scored


@final
class PreparedWork:
    """See `exo_engine.stage.Prepared`. `others` are arrays of caches, computed besides."""

    def __init__(
        self,
        drawing: Drawing | None,
        sums: Sequence[tuple[Row, mx.array]],
        scored: Sequence[Scored],
        others: Sequence[object],
        *,
        is_long: bool,
    ) -> None:
        self._drawing = drawing
        self._sums = sums
        self._scored = scored
        self._others = others
        self._is_long = is_long
        self._results = [*(drawing.arrays if drawing else ()), *(values for _, values in sums)]
        if not self._results:
            self._results = first_number(others)
        self._is_started = False

    def start(self) -> None:
        """Compute it behind what was started before. The caches' arrays are let go: the next pass writes into them."""
        self._is_started = True
        start_evaluating(self._others, self._results)
        self._others = ()

    def finish(self) -> TailOutput:
        """Wait for the results."""
        if not self._is_started:
            self.start()
        evaluate(self._results)
        if self._is_long:
            after_a_long_pass()
        return TailOutput(
            drawn=tuple(self._drawing.drawn()) if self._drawing else (),
            sums=tuple(_hidden_sum(row, values) for row, values in self._sums),
            scored=tuple(self._scored),
        )


def _hidden_sum(row: Row, values: mx.array) -> HiddenSum:
    little_endian = np.asarray(values).astype("<f4")
    return HiddenSum(sequence=row.sequence, count=row.count, values=little_endian.tobytes())
