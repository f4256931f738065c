"""Whoever waits hears once a second, after a step, how many are still before it."""

from __future__ import annotations

from functools import partial

from exo_core.identifiers import RequestId
from exo_core.requests import Accepted, Answer, Generate, Progress, TextPrompt
from exo_engine.grammars.desk import GrammarDesk
from exo_engine.grammars.making import make_compiler
from exo_engine.inbox import Inbox, Submit
from exo_engine.intake import Intake
from exo_engine.open_requests import OpenRequests
from exo_engine.queue_reports import INTERVAL, QueueReports
from exo_engine.scheduler import Scheduler
from exo_engine.testing.byte_tokenizer import ByteTokenizer


def test_the_queue_is_told_as_it_advances() -> None:
    now = 100.0
    scheduler = Scheduler(stages=1, context=100)
    requests = OpenRequests(scheduler)
    tokenizer = ByteTokenizer()
    grammars = GrammarDesk(Inbox(), partial(make_compiler, tokenizer))
    intake = Intake(tokenizer=tokenizer, context=100, scheduler=scheduler, requests=requests, grammars=grammars)
    reports = QueueReports(scheduler, requests, clock=lambda: now)
    heard: list[list[Answer]] = [[], [], []]
    for number, answers in enumerate(heard):
        request = Generate(request_id=RequestId(str(number)), prompt=TextPrompt(text="ab"), choices=2)
        intake.take(Submit(request, answers.append))
    assert [type(answers[0]) for answers in heard] == [Accepted] * 3
    assert [answers[1:] for answers in heard] == [[], [queued(0, 2)], [queued(0, 4)]]
    reports.stepped()
    assert heard[2][-1] == queued(0, 4)
    requests.cancel(RequestId("0"))
    reports.stepped()
    assert heard[2][-1] == queued(0, 4)  # no second has passed
    now += INTERVAL
    reports.stepped()
    assert heard[1][-1] == queued(2, 2)
    assert heard[2][-1] == queued(2, 4)
    assert sum(answer == queued(2, 4) for answer in heard[2]) == 1


def queued(done: int, total: int) -> Progress:
    return Progress(phase="queued", done=done, total=total)
