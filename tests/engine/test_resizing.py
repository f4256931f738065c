"""The caches of a running pipeline get less room, and more again, on whichever stage, and hardly a client notices.

A stage that said that it takes no more raises from then on when it does.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import pytest

from exo_core.backends import ResizesCaches
from exo_core.identifiers import RequestId
from exo_core.requests import Answer, Chunk, Failed, Generate, Refused, Sampling, TextPrompt
from exo_engine.steps import StageReport
from exo_engine.testing.pipeline_threads import ArithmeticPipeline, arithmetic_pipeline

PATIENCE = 20.0
ROOM = StageReport(cache_bytes=1000, bytes_per_token=1, trimmable=True)


def ask(name: str, text: str, tokens: int = 20) -> Generate:
    return Generate(
        request_id=RequestId(name),
        prompt=TextPrompt(text=text),
        sampling=Sampling(temperature=0, ignore_eos=True),
        max_tokens=tokens,
    )


def resize(pipeline: ArithmeticPipeline, stage: int, cache_bytes: int) -> threading.Event:
    """Set once the caches take no more; nor may they from then on."""
    engine, held, taken = pipeline.threads.engines[stage], pipeline.stages[stage], threading.Event()
    assert isinstance(engine, ResizesCaches)

    def take() -> None:
        held.cache_bytes = cache_bytes
        held.check_bytes()
        taken.set()

    engine.resize_caches(cache_bytes, take)
    return taken


def wait_until(happened: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE
    while not happened():
        assert time.monotonic() < deadline, "it did not happen"
        time.sleep(0.01)


def tokens_of(answers: Sequence[Answer]) -> list[int]:
    return [answer.token_id for answer in answers if isinstance(answer, Chunk)]


@pytest.mark.parametrize(("stages", "resized"), [(1, 0), (2, 0), (2, 1), (3, 1)])
def test_what_is_kept_is_given_back_also_while_nobody_asks(stages: int, resized: int) -> None:
    pipeline = arithmetic_pipeline(stages, told=ROOM)
    with pipeline.threads as threads:
        for number in range(4):
            threads.ask(ask(str(number), f"{number}" * 60))
        wait_until(lambda: all(len(stage.snapshots) == 4 for stage in pipeline.stages))
        assert resize(pipeline, resized, 100).wait(PATIENCE)
        wait_until(lambda: all(stage.used_bytes <= 100 for stage in pipeline.stages))
        assert resize(pipeline, resized, 1000).wait(PATIENCE)
        wait_until(lambda: len(tokens_of(threads.ask(ask("a", "y" * 200)))) == 20)
        again = threads.ask(ask("long", "x" * 500))
    with arithmetic_pipeline(stages, told=ROOM).threads as threads:
        assert tokens_of(again) == tokens_of(threads.ask(ask("long", "x" * 500)))


def test_running_requests_go_on_with_less_room() -> None:
    pipeline = arithmetic_pipeline(2, told=ROOM)
    requests = [ask(str(number), f"{number}" * 50, tokens=150) for number in range(4)]
    with pipeline.threads as threads:
        running = [threads.submit(request) for request in requests]
        wait_until(lambda: len(pipeline.stages[0].lengths()) == 4)
        taken = resize(pipeline, 1, 210)
        heard = [tokens_of(list(answers)) for answers in running]
        assert taken.wait(PATIENCE)
    with arithmetic_pipeline(2, told=ROOM).threads as threads:
        assert heard == [tokens_of(threads.ask(request)) for request in requests]


def test_a_later_generation_knows_what_was_said_before() -> None:
    pipeline = arithmetic_pipeline(2, told=ROOM)
    with pipeline.threads as threads:
        taken = resize(pipeline, 1, 120)
        threads.cut()
        assert taken.wait(PATIENCE), "without a ring nothing is held"
        threads.link()
        for number in range(4):
            threads.ask(ask(str(number), f"{number}" * 60))
        assert all(stage.used_bytes <= 120 for stage in pipeline.stages)


def test_an_answer_that_has_no_room_any_more_is_not_called_wrong() -> None:
    pipeline = arithmetic_pipeline(1, told=ROOM)
    begun = ask("a", "x" * 50, tokens=900)
    with pipeline.threads as threads:
        delivered = tuple(tokens_of(threads.ask(ask("b", "x" * 50, tokens=200))))
        assert resize(pipeline, 0, 200).wait(PATIENCE)
        wait_until(lambda: isinstance(threads.ask(ask("c", "y" * 300))[-1], Refused))
        again = refusal_of(threads.ask(begun.model_copy(update={"delivered": (delivered,)})))
    assert (again.status, again.code) == (503, "instance_lost")
    assert "room for 200 tokens" in again.message


@dataclass
class Growing:
    """An answer of one that is alone, whose caches get other room as soon as it has so many tokens."""

    pipeline: ArithmeticPipeline
    stage: int
    at: int
    room: int
    answers: list[Answer] = field(default_factory=list[Answer])
    over: threading.Event = field(default_factory=threading.Event)
    taken: threading.Event | None = None

    def hear(self, answer: Answer) -> None:
        self.answers.append(answer)
        if isinstance(answer, Chunk) and answer.index == self.at:
            self.taken = resize(self.pipeline, self.stage, self.room)
        if isinstance(answer, Failed) or (isinstance(answer, Chunk) and answer.finish is not None):
            self.over.set()


@pytest.mark.parametrize(("stages", "resized"), [(1, 0), (2, 0), (2, 1)])
def test_who_takes_too_much_already_goes_on_to_its_end_and_only_then_less_is_taken(stages: int, resized: int) -> None:
    pipeline, request = arithmetic_pipeline(stages, told=ROOM), ask("a", "x" * 50, tokens=700)
    with pipeline.threads as threads:
        growing = Growing(pipeline, resized, at=300, room=200)
        threads.engines[0].submit(request, growing.hear)
        assert growing.over.wait(PATIENCE)
        assert growing.taken is not None
        assert growing.taken.wait(PATIENCE)
    with arithmetic_pipeline(stages, told=ROOM).threads as threads:
        assert tokens_of(growing.answers) == tokens_of(threads.ask(request))


@pytest.mark.parametrize(("stages", "resized"), [(1, 0), (2, 0), (2, 1)])
def test_who_outgrows_what_was_agreed_on_is_told_that_it_was_lost(stages: int, resized: int) -> None:
    pipeline = arithmetic_pipeline(stages, told=ROOM)
    with pipeline.threads as threads:
        growing = Growing(pipeline, resized, at=5, room=400)
        threads.engines[0].submit(ask("a", "x" * 50, tokens=900), growing.hear)
        assert growing.over.wait(PATIENCE)
        assert growing.taken is not None
        assert growing.taken.is_set(), "before it grew so long"
        last = growing.answers[-1]
        assert isinstance(last, Failed)
        assert (last.code, "less room" in last.message) == ("instance_lost", True)
        assert len(tokens_of(growing.answers)) in (350, 351), "the last one may have been under way"
        assert len(tokens_of(threads.ask(ask("b", "y" * 300, tokens=90)))) == 90


def refusal_of(answers: Sequence[Answer]) -> Refused:
    assert isinstance(answers[-1], Refused)
    return answers[-1]
