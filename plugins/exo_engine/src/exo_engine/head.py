"""The head's loop: what other threads ask is taken in, steps are issued, and what they gave is handed out.

It alone decides what the stages do. It never waits for a client; between two steps it looks at what other threads
asked.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable
from functools import partial
from itertools import chain
from typing import final

from exo_core.raised_at import raised_at
from exo_core.requests import Progress, Refused
from exo_engine.grammars.contract import GrammarBroken
from exo_engine.grammars.desk import GrammarDesk
from exo_engine.grammars.making import make_compiler
from exo_engine.inbox import Cancel, Command, Compiled, Inbox, LookAround, Submit, Wake
from exo_engine.intake import Intake
from exo_engine.open_requests import OpenRequests
from exo_engine.plan import Plan
from exo_engine.queue_reports import QueueReports
from exo_engine.scheduler import Scheduler
from exo_engine.step_runner import StepRunner
from exo_engine.steps import Drawn, Generation, HiddenSum, Scored, StepAnswer
from exo_engine.submissions import Submissions
from exo_engine.text import Tokenizer

logger = logging.getLogger(__name__)

RECEIVE_TIMEOUT = 0.25
"""Seconds after which a head that waits for a step looks at its inbox."""
LOST = "a machine that holds a part of the model went away during the answer; ask again"
CANCELLED = "the request was cancelled before its grammar was compiled"
LESS_ROOM = "the caches have less room than before; ask again"


@final
class Head:
    """One instance's requests, for as long as its runner lives. `serve` belongs to the engine thread."""

    def __init__(
        self, *, tokenizer: Tokenizer, context: int, scheduler: Scheduler, next_generation: Callable[[], Generation]
    ) -> None:
        self.inbox = Inbox()
        self._grammars = GrammarDesk(self.inbox, partial(make_compiler, tokenizer))
        self._scheduler = scheduler
        self._requests = OpenRequests(scheduler)
        intake = Intake(
            tokenizer=tokenizer,
            context=context,
            scheduler=scheduler,
            requests=self._requests,
            grammars=self._grammars,
        )
        self._submissions = Submissions(intake.take)
        self._queue_reports = QueueReports(scheduler, self._requests)
        self._next_generation = next_generation

    def serve(self, steps: StepRunner, stopping: Callable[[], bool]) -> None:
        """Work until `stopping` says so. Raises `LinkClosed`; however it ends, no request stays open."""
        try:
            self._begin(steps)
            while not stopping():
                self._turn(steps)
        finally:
            self._requests.fail_all("instance_lost", LOST)
            if stopping():
                self._refuse_the_rest()

    def _turn(self, steps: StepRunner) -> None:
        issued = self._issue(steps)
        if not self._scheduler.under_way:
            self._obey(self.inbox.take() if self._submissions else self.inbox.wait(steps.check_interval))
            steps.check()
            return
        answer = steps.receive(0 if issued or self._submissions else RECEIVE_TIMEOUT)
        if not self._is_beginning:
            self._obey(self.inbox.take())
        if answer is not None:
            self._settle(steps, answer)

    def _obey(self, commands: Iterable[Command]) -> None:
        for command in commands:
            match command:
                case Submit():
                    self._submissions.add(command)
                case Compiled():
                    for submit in self._grammars.take(command):
                        self._submissions.add(submit)
                case Cancel():
                    self._cancel(command)
                case LookAround():
                    self._scheduler.look_around()
                case Wake():
                    pass
        self._submissions.prepare_some(lambda: self._requests.are_any_open)

    def _cancel(self, cancel: Cancel) -> None:
        self._submissions.prepare_those_of(cancel.request_id)
        for submit in self._grammars.give_back(cancel.request_id):
            submit.answer(Refused(status=499, code="cancelled", message=CANCELLED))
        self._requests.cancel(cancel.request_id)

    # steps and what they gave ------------------------------------------------------------------------------

    def _begin(self, steps: StepRunner) -> None:
        """All stages start empty; what was open and has not failed waits again."""
        self._scheduler.start_over()
        steps.begin(self._next_generation())

    def _issue(self, steps: StepRunner) -> bool:
        """At most one step: an answer may have come meanwhile, and what it sets free goes first."""
        if not steps.has_room or self._is_beginning:
            return False
        plan = self._scheduler.next_plan()
        if self._scheduler.outgrown:
            outgrown, self._scheduler.outgrown = self._scheduler.outgrown, []
            self._requests.fail_those_of(outgrown, "instance_lost", LESS_ROOM)
        if plan is None:
            return False
        number = steps.issue(plan.operations, plan.inputs)
        assert number == plan.number  # noqa: S101  # both count the steps of a generation
        for sequence in plan.begun:
            opened = self._requests.of(sequence)
            if opened is not None:
                opened.began(sequence)
        return True

    @property
    def _is_beginning(self) -> bool:
        """Whether the stages have not said yet what they have room for."""
        plans = self._scheduler.under_way
        return bool(plans) and plans[0].kind == "announcement"

    def _settle(self, steps: StepRunner, answer: StepAnswer) -> None:
        if answer.error is not None:
            self._step_failed(steps, answer.number, answer.error)
            return
        plan = self._scheduler.settle(answer.seconds)
        if plan.kind == "announcement":
            self._scheduler.begin(answer.reports)
            self._requests.fail_those_of(self._scheduler.too_long(), "instance_lost", LESS_ROOM)
        else:
            self._hand_out(plan, answer)
        self._scheduler.resize(answer.resized)

    def _hand_out(self, plan: Plan, answer: StepAnswer) -> None:
        if plan.kind == "chunk":
            self._report_prefill(plan)
        for output in chain(answer.drawn, answer.sums, answer.scored):
            self._deliver(output)
        self._queue_reports.stepped()

    def _deliver(self, output: Drawn | HiddenSum | Scored) -> None:
        sequence = self._scheduler.open.named(output.sequence)
        opened = None if sequence is None else self._requests.of(sequence)
        if sequence is None or opened is None:
            return  # it was cancelled, or sent back to the queue, while its step was under way
        try:
            is_over = opened.take(sequence, output)
        except GrammarBroken as problem:
            self._requests.fail(opened, "grammar_broken", str(problem))
            return
        except Exception as problem:  # a text that cannot be made ends its request, not the engine
            logger.error("what was computed could not be delivered: %s", raised_at(problem))
            message = f"what was computed could not be delivered: {type(problem).__name__}"
            self._requests.fail(opened, "engine_error", message)
            return
        if is_over:
            self._requests.finish(sequence)

    def _report_prefill(self, plan: Plan) -> None:
        for sequence, row in zip(plan.sequences[plan.decoding :], plan.rows[plan.decoding :], strict=True):
            opened = self._requests.of(sequence)
            if opened is not None and sequence.id == row.sequence:
                total = len(sequence.prompt_ids) + len(sequence.delivered)
                opened.answer(Progress(phase="prefill", done=row.position + row.count, total=total))

    # ends ----------------------------------------------------------------------------------------------------

    def _step_failed(self, steps: StepRunner, number: int, error: str) -> None:
        """All that was open is computed again in a new generation, and its clients wait.

        Who was alone in what may have failed has failed. Of several one may be at fault: each of them gets steps of
        its own. Or their number is: fewer go together from then on.
        """
        plans = self._scheduler.failing_with(number)
        if plans[0].kind == "announcement":
            message = f"the stages cannot begin: {error}"
            raise RuntimeError(message)
        rows = max(len(plan.rows) for plan in plans)
        if rows > 1:
            self._scheduler.row_limit.failed(rows)
        concerned = {sequence for plan in plans for sequence in (*plan.sequences, *plan.begun)}
        blamed = concerned or {*self._scheduler.open.by_name.values()}
        if len(blamed) == 1:
            if any(sequence.is_suspect for sequence in blamed):
                self._scheduler.row_limit.one_was_to_blame()
            self._requests.fail_those_of(blamed, "engine_error", f"the model failed in a step: {error}")
        for sequence in blamed:
            sequence.is_suspect = True
        texts = [each for each in self._scheduler.open.by_name.values() if each.wants != "tokens"]
        self._requests.fail_those_of(texts, "instance_lost", LOST)
        self._begin(steps)

    def _refuse_the_rest(self) -> None:
        """Nobody will look at the inbox again."""
        for command in chain(self._grammars.close(), self._submissions.give_up(), self.inbox.take()):
            if isinstance(command, Submit):
                command.answer(Refused(status=503, code="instance_lost", message=LOST))
