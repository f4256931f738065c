"""An accepted `embed` request: the mean of each text's hidden states after the final norm."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from typing import final

from exo_core.requests import Embed, Failed, Result, Sampling
from exo_engine.open_request import AnswerTo
from exo_engine.sequence import SequenceState
from exo_engine.steps import Drawn, HiddenSum, Scored


@final
class OpenEmbedding:
    """See `OpenRequest`. The sums of a text's chunks are added up in double precision and divided by its tokens."""

    def __init__(self, request: Embed, answer: AnswerTo, texts: Sequence[tuple[int, ...]]) -> None:
        self.request = request
        self.answer = answer
        self.ahead = 0
        self.sequences = [_sequence(number, text, exact=request.exact) for number, text in enumerate(texts)]
        self._sums: dict[SequenceState, list[float]] = {sequence: [] for sequence in self.sequences}
        self._counts = dict.fromkeys(self.sequences, 0)

    def began(self, sequence: SequenceState) -> None:
        """Nothing to say: all of it is computed."""

    def take(self, sequence: SequenceState, output: Drawn | HiddenSum | Scored) -> bool:
        """One more chunk of a text."""
        assert isinstance(output, HiddenSum)  # noqa: S101  # the stage gave what its row did not ask for
        values = struct.unpack(f"<{len(output.values) // 4}f", output.values)
        sums = self._sums[sequence]
        self._sums[sequence] = [a + b for a, b in zip(sums, values, strict=True)] if sums else list(values)
        self._counts[sequence] += output.count
        if self._counts[sequence] < len(sequence.tokens):
            return False
        if all(self._counts[each] == len(each.tokens) for each in self._counts):
            self.answer(Result(vectors=tuple(self._mean(each) for each in self._sums)))
        return True

    def cancelled(self, sequence: SequenceState) -> None:
        """Nothing was answered yet; said with the last text."""
        del sequence
        if len(self.sequences) == 1:
            self.answer(Failed(code="cancelled", message="the request was cancelled"))

    def _mean(self, sequence: SequenceState) -> tuple[float, ...]:
        return tuple(value / len(sequence.tokens) for value in self._sums[sequence])


def _sequence(number: int, text: tuple[int, ...], *, exact: bool) -> SequenceState:
    greedy = Sampling(temperature=0)
    return SequenceState(choice=number, sampling=greedy, prompt_ids=text, most=len(text), wants="sum", exact=exact)
