"""An accepted request on the head: its choices, their sequences and texts, and where its answers go."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import final

from exo_core.requests import Answer, Chunk, Generate
from exo_engine.admission import Admission
from exo_engine.choice_text import ChoiceText
from exo_engine.sequence import SequenceState
from exo_engine.steps import SequenceId
from exo_engine.text import Tokenizer

AnswerTo = Callable[[Answer], None]


@dataclass(frozen=True, eq=False)
class OpenChoice:
    """A choice that has no finish yet."""

    request: OpenRequest
    sequence: SequenceState
    text: ChoiceText


@final
class OpenRequest:
    """A request until all its choices are finished."""

    def __init__(self, request: Generate, answer: AnswerTo) -> None:
        self.request = request
        self.answer = answer
        self.choices: list[OpenChoice] = []
        self.ahead = 0
        """How many sequences waited before its first when it came."""

    def open_choices(self, admission: Admission, tokenizer: Tokenizer, ids: Iterator[SequenceId]) -> list[Chunk]:
        """Make the choices; gives the last chunks of those that a replay finds already finished."""
        finished: list[Chunk] = []
        for number in range(self.request.choices):
            delivered = self.request.delivered[number] if self.request.delivered else ()
            text = ChoiceText(self.request, choice=number, limit=admission.limit, tokenizer=tokenizer)
            last = text.replay(delivered)
            if last is None:
                self.choices.append(OpenChoice(self, self._sequence(number, admission, delivered, next(ids)), text))
            else:
                finished.append(last)
        return finished

    def _sequence(
        self, number: int, admission: Admission, delivered: tuple[int, ...], sequence: SequenceId
    ) -> SequenceState:
        return SequenceState(
            id=sequence,
            choice=number,
            sampling=self.request.sampling,
            prompt_ids=admission.prompt_ids,
            delivered=delivered,
        )
