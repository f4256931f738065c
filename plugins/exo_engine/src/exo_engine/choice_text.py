"""From drawn tokens to chunks: detokenizer, what the text says, the count of characters, and when a choice is over."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import final

from exo_core.requests import Channel, Chunk, ChunkLogprobs, FinishReason, Generate, Piece
from exo_engine.answers.answer_reader import AnswerReader, Heard
from exo_engine.grammars.contract import Matcher
from exo_engine.named_logprobs import named
from exo_engine.steps import Drawn
from exo_engine.text import Tokenizer


@final
class ChoiceText:
    """The text of one choice, a pure function of its token ids.

    `limit` is the most tokens it may have, `shown` are special tokens that are text to the `reader`, `matcher` holds it
    to a grammar.
    """

    def __init__(
        self,
        request: Generate,
        *,
        choice: int,
        limit: int,
        tokenizer: Tokenizer,
        reader: AnswerReader,
        shown: Collection[int] = (),
        matcher: Matcher | None = None,
    ) -> None:
        self._request = request
        self._choice = choice
        self._limit = limit
        self._tokenizer = tokenizer
        self._reader = reader
        self._matcher = matcher
        self._detokenizer = tokenizer.detokenizer(shown)
        self._count = 0
        self._characters: dict[tuple[Channel, int | None], int] = {}
        """What was said so far, by channel and call."""

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
        channel = self._reader.channel
        self._count += 1
        heard, end = self._read(drawn.token_id)
        if end == "stop" and self._reader.calls:
            end = "tool_calls"
        return self._chunk(self._count - 1, drawn, heard, channel, end)

    def cancelled(self) -> Chunk:
        """The chunk that ends a cancelled choice. No token was drawn: `index` is the next one's, `token_id` is 0."""
        channel = self._reader.channel
        rest = self._reader.finish("", ())
        return self._chunk(self._count, Drawn(sequence=0, token_id=0), rest, channel, "cancelled")

    def _read(self, token_id: int) -> tuple[list[Heard], FinishReason | None]:
        """What is known with this token, and why it was the last."""
        reader, stops = self._reader, self._stops()
        if self._ends(token_id):
            return reader.finish(self._detokenizer.finish(), stops), "stop"
        heard = reader.add(self._detokenizer.add(token_id), stops)
        if reader.stopped:
            return heard, "stop"
        is_complete = self._completes_grammar(token_id)
        if not is_complete and self._count < self._limit:
            return heard, None
        heard.extend(reader.finish(self._detokenizer.finish(), stops))
        return heard, "stop" if is_complete or reader.stopped else "length"

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

    def _chunk(
        self, index: int, drawn: Drawn, heard: list[Heard], channel: Channel, finish: FinishReason | None
    ) -> Chunk:
        """`channel` is that in which the token was drawn."""
        first, *more = _joined(heard) or [Heard("", channel)]
        return Chunk(
            choice=self._choice,
            attempt=self._request.attempt,
            index=index,
            token_id=drawn.token_id,
            text_from=self._place(first),
            text=first.text,
            channel=first.channel,
            call=first.call,
            name=first.name,
            more=tuple(self._piece(piece) for piece in more),
            logprobs=self._logprobs(drawn),
            finish=finish,
        )

    def _piece(self, heard: Heard) -> Piece:
        return Piece(
            text_from=self._place(heard), text=heard.text, channel=heard.channel, call=heard.call, name=heard.name
        )

    def _place(self, piece: Heard) -> int:
        """How many characters came before it; it is counted."""
        key = (piece.channel, piece.call)
        before = self._characters.get(key, 0)
        self._characters[key] = before + len(piece.text)
        return before

    def _logprobs(self, drawn: Drawn) -> ChunkLogprobs | None:
        if drawn.logprob is None:
            return None
        return named(self._tokenizer, drawn.token_id, drawn.logprob, drawn.top)


def _joined(heard: list[Heard]) -> list[Heard]:
    """With consecutive text of one channel, or call, together."""
    if len(heard) < 2:
        return heard
    pieces: list[Heard] = []
    for next_one in heard:
        if pieces and next_one.goes_on(pieces[-1]):
            pieces[-1] = pieces[-1]._replace(text=pieces[-1].text + next_one.text)
        else:
            pieces.append(next_one)
    return pieces
