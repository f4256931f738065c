"""What becomes of a request that comes in: it is opened, answered at once, or refused."""

from __future__ import annotations

import logging
from dataclasses import replace
from typing import Literal, final

from exo_core.errors import RequestRefused
from exo_core.raised_at import raised_at
from exo_core.requests import Accepted, Embed, Generate, Progress, Refused, Result, Score, Tokenize
from exo_engine.admission import Room, admit, admit_text, prompt_token_ids, refuse
from exo_engine.answers.reading import Reading, reading_of
from exo_engine.grammars.contract import CompiledGrammar, GrammarBroken
from exo_engine.grammars.desk import GrammarDesk
from exo_engine.inbox import Prepared, Submit
from exo_engine.open_embedding import OpenEmbedding
from exo_engine.open_generation import OpenGeneration
from exo_engine.open_request import AnswerTo, OpenRequest
from exo_engine.open_requests import OpenRequests
from exo_engine.open_scoring import OpenScoring
from exo_engine.scheduler import Scheduler
from exo_engine.text import Tokenizer

logger = logging.getLogger(__name__)


@final
class Intake:
    """Tokenizes, checks, and hands over. Nothing a request holds ends the engine."""

    def __init__(
        self,
        *,
        tokenizer: Tokenizer,
        context: int,
        scheduler: Scheduler,
        requests: OpenRequests,
        grammars: GrammarDesk,
    ) -> None:
        """`context` is the model's."""
        self._grammars = grammars
        self._tokenizer = tokenizer
        self._context = context
        self._scheduler = scheduler
        self._requests = requests

    def take(self, command: Submit) -> None:
        """Answer `Accepted` or `Refused`, and open what was accepted."""
        answer = command.answer
        try:
            self._take(command)
        except RequestRefused as refusal:
            answer(Refused(status=refusal.status, code=refusal.code, message=refusal.message))
        except GrammarBroken as problem:
            answer(Refused(status=400, code="invalid_grammar", message=str(problem)))
        except Exception as problem:  # a broken chat template ends its request, not the engine
            logger.error("a request could not be prepared: %s", raised_at(problem))
            message = f"the request could not be prepared: {type(problem).__name__}"
            answer(Refused(status=500, code="engine_error", message=message))

    def _take(self, command: Submit) -> None:
        request, answer = command.request, command.answer
        match request:
            case Generate():
                self._generate(request, command)
            case Embed():
                self._embed(request, answer)
            case Score():
                self._score(request, answer)
            case Tokenize():
                self._tokenize(request, answer)

    def _generate(self, request: Generate, command: Submit) -> None:
        prepared = command.prepared or self._prepare(request)
        if command.prepared is None and prepared.reading.grammar is not None:
            compiled = self._grammars.admit(replace(command, prepared=prepared))
            if compiled is None:
                return  # it comes again
            command = compiled
        admission = admit(request, prepared.prompt_ids, tokenizer=self._tokenizer, room=self._room)
        opened = OpenGeneration(request, command.answer, prepared.reading, _held_to(command.grammar, prepared.reading))
        finished = opened.open_choices(admission, self._tokenizer)
        self._accept(opened, admission.prompt_ids)
        for chunk in finished:
            command.answer(chunk)
        self._open(opened)

    def _prepare(self, request: Generate) -> Prepared:
        prompt_ids = prompt_token_ids(request.prompt, self._tokenizer)
        admit(request, prompt_ids, tokenizer=self._tokenizer, room=self._room)  # before anything is compiled for it
        return Prepared(prompt_ids, reading_of(request, prompt_ids, self._tokenizer))

    def _embed(self, request: Embed, answer: AnswerTo) -> None:
        self._check_output("sum", "embeddings")
        if not request.prompts:
            refuse("empty_prompt", "there is no text to embed")
        texts = [admit_text(prompt, tokenizer=self._tokenizer, room=self._room) for prompt in request.prompts]
        opened = OpenEmbedding(request, answer, texts)
        self._accept(opened, tuple(token_id for text in texts for token_id in text))
        self._open(opened)

    def _score(self, request: Score, answer: AnswerTo) -> None:
        self._check_output("scores", "scores")
        text = admit_text(request.prompt, tokenizer=self._tokenizer, room=self._room)
        opened = OpenScoring(request, answer, text, self._tokenizer)
        self._accept(opened, text)
        opened.answer_if_trivial()
        self._open(opened)

    def _tokenize(self, request: Tokenize, answer: AnswerTo) -> None:
        token_ids = prompt_token_ids(request.prompt, self._tokenizer)
        answer(Accepted(prompt_ids=token_ids))
        answer(Result(token_ids=(token_ids,), text=self._tokenizer.decode(token_ids)))

    def _accept(self, opened: OpenRequest, prompt_ids: tuple[int, ...]) -> None:
        self._requests.cancel(opened.request.request_id)  # an earlier attempt that its gateway has given up
        opened.answer(Accepted(prompt_ids=prompt_ids))

    def _open(self, opened: OpenRequest) -> None:
        opened.ahead = len(self._scheduler.waiting)
        if opened.sequences and opened.ahead:
            opened.answer(Progress(phase="queued", done=0, total=opened.ahead))
        self._requests.add(opened)

    def _check_output(self, output: Literal["sum", "scores"], what: str) -> None:
        if output not in self._scheduler.outputs:
            refuse("not_supported", f"this model's backend gives no {what}", status=501)

    @property
    def _room(self) -> Room:
        return Room(model_tokens=self._context, cache_tokens=self._scheduler.open.context)


def _held_to(compiled: CompiledGrammar | RequestRefused | None, reading: Reading) -> CompiledGrammar | None:
    """What came of the grammar. Raises `RequestRefused` if nothing did, and the answer cannot do without."""
    if not isinstance(compiled, RequestRefused):
        return compiled
    if not reading.must_hold:
        return None
    about = "tools: " if reading.tools is not None else ""
    raise RequestRefused(compiled.status, compiled.code, f"{about}{compiled.message}")
