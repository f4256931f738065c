"""From drawn tokens to chunks: detokenizer, stop strings, the count of characters, and when a choice is over."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import final

from exo_core.requests import Chunk, ChunkLogprobs, FinishReason, Generate
from exo_engine.grammars.contract import Matcher
from exo_engine.named_logprobs import named
from exo_engine.steps import Drawn
from exo_engine.stop_strings import cut_at_stop
from exo_engine.text import Tokenizer


@dataclass(frozen=True)
class _Piece:
    text: str
    text_from: int
    finish: FinishReason | None


@final
class ChoiceText:
    """The text of one choice, a pure function of its token ids.

    `limit` is the most tokens it may have, `matcher` what holds it to a grammar.
    """

    def __init__(
        self, request: Generate, *, choice: int, limit: int, tokenizer: Tokenizer, matcher: Matcher | None = None
    ) -> None:
        self._request = request
        self._choice = choice
        self._limit = limit
        self._tokenizer = tokenizer
        self._matcher = matcher
        self._detokenizer = tokenizer.detokenizer()
        self._count = 0
        self._characters = 0
        self._held = ""

    def allowed(self) -> bytes | None:
        """What may come next, as `Row.allowed` has it. Raises `GrammarBroken`."""
        return None if self._matcher is None else self._matcher.allowed()

    def replay(self, delivered: Sequence[int]) -> Chunk | None:
        """Take tokens the client already has; the last one's chunk if they already end the choice."""
        for token_id in delivered:
            chunk = self.add(Drawn(sequence=0, token_id=token_id))
            if chunk.finish is not None:
                return chunk
        return None

    def add(self, drawn: Drawn) -> Chunk:
        """The chunk of the next token."""
        index = self._count
        self._count += 1
        piece = self._piece(drawn.token_id)
        return Chunk(
            choice=self._choice,
            attempt=self._request.attempt,
            index=index,
            token_id=drawn.token_id,
            text_from=piece.text_from,
            text=piece.text,
            logprobs=self._logprobs(drawn),
            finish=piece.finish,
        )

    def cancelled(self) -> Chunk:
        """The chunk that ends a cancelled choice. No token was drawn: `index` is the next one's, `token_id` is 0."""
        return Chunk(
            choice=self._choice,
            attempt=self._request.attempt,
            index=self._count,
            token_id=0,
            text_from=self._characters,
            text=self._held,
            finish="cancelled",
        )

    def _piece(self, token_id: int) -> _Piece:
        if self._ends(token_id):
            return self._rest(self._held, "stop")
        cut = cut_at_stop(self._held + self._detokenizer.add(token_id), self._stops())
        if cut.stopped:
            return self._released(cut.certain, "stop")
        if self._completes_grammar(token_id):
            return self._rest(cut.certain + cut.held, "stop")
        if self._count >= self._limit:
            return self._rest(cut.certain + cut.held, "length")
        self._held = cut.held
        return self._released(cut.certain, None)

    def _rest(self, text: str, finish: FinishReason) -> _Piece:
        """All that is left: nothing more comes, so nothing is held back."""
        cut = cut_at_stop(text + self._detokenizer.finish(), self._stops())
        return self._released(cut.certain + cut.held, "stop" if cut.stopped else finish)

    def _ends(self, token_id: int) -> bool:
        sampling = self._request.sampling
        if sampling.ignore_eos or self._count <= sampling.min_tokens:
            return False
        return token_id in self._tokenizer.eos_token_ids

    def _completes_grammar(self, token_id: int) -> bool:
        """Then it is over, whatever `ignore_eos` and `min_tokens` say: nothing could follow."""
        if self._matcher is None:
            return False
        self._matcher.advance(token_id)
        return self._matcher.is_complete

    def _stops(self) -> Sequence[str]:
        return self._request.stop if self._count > self._request.sampling.min_tokens else ()

    def _released(self, text: str, finish: FinishReason | None) -> _Piece:
        piece = _Piece(text, self._characters, finish)
        self._characters += len(text)
        return piece

    def _logprobs(self, drawn: Drawn) -> ChunkLogprobs | None:
        if drawn.logprob is None:
            return None
        return named(self._tokenizer, drawn.token_id, drawn.logprob, drawn.top)
