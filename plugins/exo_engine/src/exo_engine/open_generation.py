"""An accepted `generate` request: its choices, each a sequence with its text."""

from __future__ import annotations

from typing import final

from exo_core.requests import Chunk, Generate, Progress
from exo_engine.admission import Admission
from exo_engine.answers.reading import Reading
from exo_engine.choice_text import ChoiceText
from exo_engine.grammars.contract import CompiledGrammar
from exo_engine.open_request import AnswerTo
from exo_engine.sequence import SequenceState
from exo_engine.steps import Drawn, HiddenSum, Scored
from exo_engine.text import Tokenizer


@final
class OpenGeneration:
    """See `OpenRequest`."""

    def __init__(
        self, request: Generate, answer: AnswerTo, reading: Reading, grammar: CompiledGrammar | None = None
    ) -> None:
        """`grammar` is that of `reading`, compiled; None: there is none, or it has to do without."""
        self.request = request
        self.answer = answer
        self.ahead = 0
        self.sequences: list[SequenceState] = []
        self._reading = reading
        self._grammar = grammar
        self._first: SequenceState | None = None
        """Until it was opened."""
        self._texts: dict[SequenceState, ChoiceText] = {}

    def open_choices(self, admission: Admission, tokenizer: Tokenizer) -> list[Chunk]:
        """Make the choices; gives the last chunks of those that a replay finds already finished.

        Raises `GrammarBroken` when the first token, or one that was delivered, cannot come.
        """
        finished: list[Chunk] = []
        for number in range(self.request.choices):
            delivered = self.request.delivered[number] if self.request.delivered else ()
            text = self._text(number, admission, tokenizer)
            last = text.replay(delivered)
            if last is not None:
                finished.append(last)
                continue
            sequence = self._sequence(number, admission, delivered)
            sequence.allowed = text.allowed()
            self.sequences.append(sequence)
            self._texts[sequence] = text
        self._first = self.sequences[0] if self.sequences else None
        for sequence in self.sequences[:-1]:
            sequence.has_siblings = True
        return finished

    def began(self, sequence: SequenceState) -> None:
        """How much of the prompt was there already; choices that begin with the first one's caches do not count."""
        if sequence is self._first and sequence.cached:
            total = len(sequence.prompt_ids) + len(sequence.delivered)
            self.answer(Progress(phase="prefill", done=sequence.cached, total=total, cached=sequence.cached))
        self._first = None

    def take(self, sequence: SequenceState, output: Drawn | HiddenSum | Scored) -> bool:
        """One more token. Raises `GrammarBroken` when no next one can come."""
        assert isinstance(output, Drawn)  # noqa: S101  # the stage gave what its row did not ask for
        text = self._texts[sequence]
        chunk = text.add(output)
        sequence.tokens.append(output.token_id)
        if chunk.finish is None:
            sequence.allowed = text.allowed()
        self.answer(chunk)
        return chunk.finish is not None

    def cancelled(self, sequence: SequenceState) -> None:
        """The choice ends here."""
        self.answer(self._texts[sequence].cancelled())

    def _text(self, number: int, admission: Admission, tokenizer: Tokenizer) -> ChoiceText:
        return ChoiceText(
            self.request,
            choice=number,
            limit=admission.limit,
            tokenizer=tokenizer,
            reader=self._reading.reader(is_held=self._grammar is not None),
            shown=self._reading.shown(tokenizer.vocabulary_size),
            matcher=None if self._grammar is None else self._grammar.matcher(),
        )

    def _sequence(self, number: int, admission: Admission, delivered: tuple[int, ...]) -> SequenceState:
        return SequenceState(
            choice=number,
            sampling=self.request.sampling,
            prompt_ids=admission.prompt_ids,
            most=len(admission.prompt_ids) + admission.limit,
            delivered=delivered,
            exact=self.request.exact,
        )
