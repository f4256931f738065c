"""An accepted `score` request: the log probability of each of a text's tokens after the ones before it."""

from __future__ import annotations

from typing import final

from exo_core.requests import ChunkLogprobs, Failed, Result, Sampling, Score
from exo_engine.named_logprobs import named
from exo_engine.open_request import AnswerTo
from exo_engine.sequence import SequenceState
from exo_engine.steps import Drawn, HiddenSum, Scored
from exo_engine.text import Tokenizer


@final
class OpenScoring:
    """See `OpenRequest`. The first token follows nothing and has no logprob, so that there is one fewer than tokens."""

    def __init__(self, request: Score, answer: AnswerTo, text: tuple[int, ...], tokenizer: Tokenizer) -> None:
        self.request = request
        self.answer = answer
        self.ahead = 0
        self.sequences: list[SequenceState] = []
        self._text = text
        self._tokenizer = tokenizer
        self._logprobs: list[ChunkLogprobs] = []
        if len(text) > 1:
            sampling = Sampling(temperature=0, logprobs=request.top)
            self.sequences.append(
                SequenceState(
                    choice=0,
                    sampling=sampling,
                    prompt_ids=text,
                    most=len(text),
                    wants="scores",
                    exact=request.exact,
                )
            )

    def answer_if_trivial(self) -> None:
        """The result of a text of one token, for which nothing is computed."""
        if not self.sequences:
            self._answer_result()

    def began(self, sequence: SequenceState) -> None:
        """Nothing to say: all of it is computed."""

    def take(self, sequence: SequenceState, output: Drawn | HiddenSum | Scored) -> bool:
        """The next tokens' scores."""
        assert isinstance(output, Scored)  # noqa: S101  # the stage gave what its row did not ask for
        self._logprobs.extend(
            named(self._tokenizer, token.token_id, token.logprob, token.top) for token in output.tokens
        )
        if len(self._logprobs) < len(sequence.tokens) - 1:
            return False
        self._answer_result()
        return True

    def cancelled(self, sequence: SequenceState) -> None:
        """Nothing was answered yet."""
        del sequence
        self.answer(Failed(code="cancelled", message="the request was cancelled"))

    def _answer_result(self) -> None:
        self.answer(Result(token_ids=(self._text,), logprobs=tuple(self._logprobs)))
