"""The head: takes requests, has the scheduler's steps executed, and turns what was drawn into answers.

It alone decides what the stages do. It never waits for a client; between two steps it looks at what other threads
asked.
"""

from __future__ import annotations

import logging
import time
from collections import deque
from collections.abc import Callable
from itertools import count
from typing import final

from exo_core.errors import RequestRefused
from exo_core.identifiers import RequestId
from exo_core.requests import Accepted, Embed, Failed, Generate, Progress, Refused, Result, Score, Tokenize
from exo_engine.admission import admit, prompt_token_ids
from exo_engine.inbox import Cancel, Inbox, Submit
from exo_engine.open_request import AnswerTo, OpenChoice, OpenRequest
from exo_engine.scheduler import Plan, Scheduler
from exo_engine.step_runner import StepRunner
from exo_engine.steps import Drawn, Generation, Row, SequenceId, StepAnswer
from exo_engine.text import Tokenizer

logger = logging.getLogger(__name__)

RECEIVE_TIMEOUT = 0.25
"""Seconds after which a head that waits for a step looks at its inbox."""
LOST = "a machine that holds a part of the model went away during the answer; ask again"
QUEUE_REPORT_INTERVAL = 1.0
"""Seconds between two reports to requests that wait."""


@final
class Head:
    """One instance's requests, for as long as its runner lives. `serve` belongs to the engine thread."""

    def __init__(
        self, *, tokenizer: Tokenizer, context: int, scheduler: Scheduler, next_generation: Callable[[], Generation]
    ) -> None:
        self.inbox = Inbox()
        self._tokenizer = tokenizer
        self._context = context
        self._scheduler = scheduler
        self._next_generation = next_generation
        self._sequence_ids = map(SequenceId, count(1))
        self._requests: dict[RequestId, OpenRequest] = {}
        self._choices: dict[int, OpenChoice] = {}
        """By sequence."""
        self._under_way: deque[Plan] = deque()
        self._queue_reported = 0.0

    def serve(self, steps: StepRunner, stopping: Callable[[], bool]) -> None:
        """Work until `stopping` says so. Raises `LinkClosed`; however it ends, no request stays open."""
        try:
            self._begin(steps)
            while not stopping():
                self._turn(steps)
        finally:
            self._fail_all("instance_lost", LOST)
            if stopping():
                self._refuse_the_rest()

    def _turn(self, steps: StepRunner) -> None:
        self._issue(steps)
        if not self._under_way:
            self._obey(steps, wait=True)
            steps.check()
            return
        answer = steps.receive(RECEIVE_TIMEOUT)
        self._obey(steps, wait=False)
        if answer is not None:
            self._settle(steps, answer)
            self._report_queue()

    # what other threads ask ------------------------------------------------------------------------------

    def _obey(self, steps: StepRunner, *, wait: bool) -> None:
        commands = self.inbox.wait(steps.check_interval) if wait else self.inbox.take()
        for command in commands:
            if isinstance(command, Submit):
                self._take(command)
            elif isinstance(command, Cancel):
                self._cancel(command.request_id)

    def _take(self, command: Submit) -> None:
        request, answer = command.request, command.answer
        try:
            if isinstance(request, Generate):
                self._open(request, answer)
            elif isinstance(request, Tokenize):
                self._tokenize(request, answer)
            else:
                self._refuse_unbuilt(request)
        except RequestRefused as refusal:
            answer(Refused(status=refusal.status, code=refusal.code, message=refusal.message))
        except Exception as problem:  # a broken chat template ends its request, not the engine
            logger.exception("a request could not be prepared")
            message = f"the request could not be prepared: {type(problem).__name__}"
            answer(Refused(status=500, code="engine_error", message=message))

    def _open(self, request: Generate, answer: AnswerTo) -> None:
        admission = admit(request, tokenizer=self._tokenizer, context=self._context)
        self._cancel(request.request_id)  # an earlier attempt that its gateway has given up
        opened = OpenRequest(request, answer)
        finished = opened.open_choices(admission, self._tokenizer, self._sequence_ids)
        answer(Accepted(prompt_ids=admission.prompt_ids))
        for chunk in finished:
            answer(chunk)
        self._enqueue(opened)

    def _enqueue(self, opened: OpenRequest) -> None:
        if not opened.choices:
            return
        opened.ahead = len(self._choices)
        if opened.ahead:
            opened.answer(Progress(phase="queued", done=0, total=opened.ahead))
        self._requests[opened.request.request_id] = opened
        for choice in opened.choices:
            self._choices[choice.sequence.id] = choice
            self._scheduler.add(choice.sequence)

    def _tokenize(self, request: Tokenize, answer: AnswerTo) -> None:
        token_ids = prompt_token_ids(request.prompt, self._tokenizer)
        answer(Accepted(prompt_ids=token_ids))
        answer(Result(token_ids=(token_ids,), text=self._tokenizer.decode(token_ids)))

    def _refuse_unbuilt(self, request: Embed | Score) -> None:
        message = f"{request.kind} requests are not there yet"
        raise RequestRefused(501, "not_there_yet", message)

    def _cancel(self, request_id: RequestId) -> None:
        opened = self._requests.get(request_id)
        for choice in tuple(opened.choices) if opened else ():
            chunk = choice.text.cancelled()
            self._end(choice)
            choice.request.answer(chunk)

    # steps and what they drew ----------------------------------------------------------------------------

    def _begin(self, steps: StepRunner) -> None:
        """All stages start empty."""
        self._under_way.clear()
        self._scheduler.abandon()
        steps.begin(self._next_generation())
        self._under_way.append(Plan((), (), ()))

    def _issue(self, steps: StepRunner) -> None:
        while steps.has_room and (plan := self._scheduler.next_plan()) is not None:
            steps.issue(plan.operations, plan.inputs)
            self._under_way.append(plan)

    def _settle(self, steps: StepRunner, answer: StepAnswer) -> None:
        if answer.error is not None:
            self._step_failed(steps, answer.error)
            return
        plan = self._under_way.popleft()
        for row in plan.rows:
            self._report_prefill(row)
        for drawn in answer.drawn:
            self._deliver(drawn)

    def _step_failed(self, steps: StepRunner, error: str) -> None:
        """Every open sequence is lost with the stages' caches; what waits is served by a new generation."""
        for choice in tuple(self._choices.values()):
            if choice.sequence.opened:
                self._fail(choice.request, "engine_error", f"the model failed in a step: {error}")
        self._begin(steps)

    def _report_prefill(self, row: Row) -> None:
        choice = self._choices.get(row.sequence)
        if choice is None:
            return
        if row.output == "none":
            total = len(choice.sequence.prompt_ids) + len(choice.sequence.delivered)
            choice.request.answer(Progress(phase="prefill", done=row.position + row.count, total=total))

    def _deliver(self, drawn: Drawn) -> None:
        choice = self._choices.get(drawn.sequence)
        if choice is None:
            return  # it was cancelled while its step was under way
        chunk = choice.text.add(drawn)
        if chunk.finish is None:
            choice.sequence.tokens.append(drawn.token_id)
        else:
            self._end(choice)
        choice.request.answer(chunk)

    # ends ------------------------------------------------------------------------------------------------

    def _end(self, choice: OpenChoice) -> None:
        """Forget a choice, and its request with the last one."""
        self._choices.pop(choice.sequence.id, None)
        self._scheduler.remove(choice.sequence)
        choice.request.choices.remove(choice)
        request_id = choice.request.request.request_id
        if not choice.request.choices and self._requests.get(request_id) is choice.request:
            del self._requests[request_id]

    def _fail(self, opened: OpenRequest, code: str, message: str) -> None:
        for choice in tuple(opened.choices):
            self._end(choice)
        opened.answer(Failed(code=code, message=message))

    def _fail_all(self, code: str, message: str) -> None:
        for opened in tuple(self._requests.values()):
            self._fail(opened, code, message)

    def _refuse_the_rest(self) -> None:
        """Nobody will look at the inbox again."""
        for command in self.inbox.take():
            if isinstance(command, Submit):
                command.answer(Refused(status=503, code="instance_lost", message=LOST))

    def _report_queue(self) -> None:
        """Tell those that wait how many sequences have gone before them. Said only after a step: it is progress."""
        now = time.monotonic()
        if now - self._queue_reported < QUEUE_REPORT_INTERVAL:
            return
        self._queue_reported = now
        for ahead, sequence in enumerate(self._scheduler.waiting):
            choice = self._choices[sequence.id]
            opened = choice.request
            if choice is opened.choices[0] and not any(other.sequence.opened for other in opened.choices):
                total = max(opened.ahead, ahead + 1)
                opened.answer(Progress(phase="queued", done=total - (ahead + 1), total=total))
