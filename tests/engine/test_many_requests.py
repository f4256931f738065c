"""Many requests at once through whole engines: what each of them hears is what it would hear alone."""

from __future__ import annotations

import threading

import pytest

from exo_core.identifiers import RequestId
from exo_core.requests import (
    Accepted,
    Answer,
    Chunk,
    Embed,
    Failed,
    Generate,
    Progress,
    Refused,
    Result,
    Sampling,
    Score,
    TextPrompt,
)
from exo_core.testing.engine_threads import chunks_of, text_of
from exo_engine.steps import StageReport
from exo_engine.testing.arithmetic_stage import ArithmeticStage
from exo_engine.testing.byte_tokenizer import ByteTokenizer
from exo_engine.testing.pipeline_threads import LAYERS, arithmetic_pipeline
from exo_engine.testing.whole_model import answer_alone

PROMPT = TextPrompt(text="a prompt that is longer than two chunks of sixteen tokens")
EVERYTHING = ("none", "token", "sum", "scores")


def ask(name: str = "r", **fields: object) -> Generate:
    return Generate.model_validate(
        {
            "request_id": RequestId(name),
            "prompt": PROMPT,
            "sampling": Sampling(temperature=0),
            "max_tokens": 24,
            **fields,
        }
    )


def varied(number: int) -> Generate:
    """Requests of every length, some with several choices, stops or logprobs."""
    return ask(
        str(number),
        prompt=TextPrompt(text="abcdefgh"[number % 8] * (1 + 9 * number % 50)),
        sampling=Sampling(temperature=number % 2, seed=number, logprobs=1 if number % 5 == 0 else None),
        max_tokens=1 + 7 * number % 40,
        choices=1 + number % 3,
        stop=("zz",) if number % 4 == 0 else (),
    )


@pytest.mark.parametrize("stages", [1, 2, 3])
def test_forty_at_once_hear_what_each_hears_alone(stages: int) -> None:
    requests = [varied(number) for number in range(40)]
    with arithmetic_pipeline(1).threads as threads:
        alone = [threads.ask(request) for request in requests]
    pipeline = arithmetic_pipeline(stages)
    with pipeline.threads as threads:
        together = [threads.submit(request) for request in requests]
        heard = [list(answers) for answers in together]
    for request, one, other in zip(requests, alone, heard, strict=True):
        for choice in range(request.choices):
            assert chunks_of(other, choice) == chunks_of(one, choice)


def decode_rows(stage: ArithmeticStage) -> int:
    return sum(row.output == "token" for row in stage.rows_seen)


def test_choices_share_the_computation_of_their_prompt() -> None:
    pipeline = arithmetic_pipeline(2)
    with pipeline.threads as threads:
        answers = threads.ask(ask(choices=5, sampling=Sampling(temperature=1, seed=5)))
        alone = [threads.ask(ask(f"alone {seed}", sampling=Sampling(temperature=1, seed=seed))) for seed in (5, 6)]
    assert len({text_of(answers, choice) for choice in range(5)}) == 5
    assert text_of(answers) == text_of(alone[0])
    for stage in pipeline.stages:
        prefilled = sum(row.count for row in stage.rows_seen if row.output == "none")
        assert prefilled == len(PROMPT.text) - 1  # and nothing again for the two others, who begin with what was kept


def test_a_text_is_embedded_as_the_mean_of_its_states_and_scored_token_by_token() -> None:
    model, tokens = ArithmeticStage(start=0, end=LAYERS, layers=LAYERS), ByteTokenizer()
    embed = Embed(request_id=RequestId("e"), prompts=(PROMPT, TextPrompt(text="x"), PROMPT))
    score = Score(request_id=RequestId("s"), prompt=PROMPT, top=2)
    with arithmetic_pipeline(3).threads as threads:
        running = threads.submit(ask("running"))
        for request in (embed, score):
            answers = threads.ask(request)
            assert isinstance(answers[0], Accepted)
            assert answers[-1] == answer_alone(model, request, tokens)
        trivial = threads.ask(Score(request_id=RequestId("t"), prompt=TextPrompt(text="x")))
        assert len(text_of(list(running))) > 0
    assert isinstance(answers[-1], Result)
    assert len(answers[-1].logprobs) == len(PROMPT.text) - 1
    assert trivial[-1] == Result(token_ids=((120,),))
    counted = [*PROMPT.text.encode(), *b"x", *PROMPT.text.encode()]
    with arithmetic_pipeline(1).threads as threads:
        assert threads.ask(embed)[0] == Accepted(prompt_ids=tuple(counted))


def test_what_the_backend_cannot_give_is_refused() -> None:
    with arithmetic_pipeline(1, told=StageReport(trimmable=True)).threads as threads:
        for request in (
            Embed(request_id=RequestId("e"), prompts=(PROMPT,)),
            Score(request_id=RequestId("s"), prompt=PROMPT),
        ):
            (answer,) = threads.ask(request)
            assert isinstance(answer, Refused)
            assert (answer.status, answer.code) == (501, "not_supported")


@pytest.mark.parametrize("kind", ["embed", "score"])
def test_texts_that_are_empty_or_too_long_are_refused(kind: str) -> None:
    with arithmetic_pipeline(1, context=10).threads as threads:
        for text, code in (("", "empty_prompt"), ("x" * 11, "context_length_exceeded")):
            prompt = TextPrompt(text=text)
            request = (
                Embed(request_id=RequestId("e"), prompts=(prompt,))
                if kind == "embed"
                else Score(request_id=RequestId("s"), prompt=prompt)
            )
            (answer,) = threads.ask(request)
            assert isinstance(answer, Refused)
            assert answer.code == code
        fits = Embed(request_id=RequestId("e"), prompts=(TextPrompt(text="x" * 10),))
        assert isinstance(threads.ask(fits)[-1], Result)


class Held:
    """A client that keeps the engine's thread when its fourth token comes, until it is let go."""

    def __init__(self) -> None:
        self.heard: list[Answer] = []
        self._reached, self._released, self._over = threading.Event(), threading.Event(), threading.Event()

    def __call__(self, answer: Answer) -> None:
        self.heard.append(answer)
        if isinstance(answer, Chunk) and answer.index == 3:
            self._reached.set()
            self._released.wait(20)
        if isinstance(answer, Failed) or (isinstance(answer, Chunk) and answer.finish is not None):
            self._over.set()

    def wait(self) -> None:
        assert self._reached.wait(20)

    def release(self) -> None:
        self._released.set()

    def finish(self) -> list[Answer]:
        assert self._over.wait(20)
        return self.heard


def test_an_embedding_is_cancelled() -> None:
    held = Held()
    with arithmetic_pipeline(1).threads as threads:
        threads.engines[0].submit(ask("first"), held)
        held.wait()
        answers = threads.submit(Embed(request_id=RequestId("e"), prompts=(PROMPT, PROMPT)))
        threads.engines[0].cancel(RequestId("e"))
        held.release()
        last = list(answers)[-1]
        assert chunks_of(held.finish())[-1].finish == "length"
    assert last == Failed(code="cancelled", message="the request was cancelled")


SMALL = StageReport(cache_bytes=400, bytes_per_token=2, trimmable=True, outputs=EVERYTHING)


def test_a_prompt_that_the_caches_cannot_hold_is_refused_with_numbers() -> None:
    with arithmetic_pipeline(1, told=SMALL).threads as threads:
        (answer,) = threads.ask(ask(prompt=TextPrompt(text="x" * 200)))
        fits = chunks_of(threads.ask(ask(prompt=TextPrompt(text="x" * 150), max_tokens=None)))
    assert isinstance(answer, Refused)
    assert answer.code == "context_length_exceeded"
    assert "200 tokens" in answer.message
    assert "4096 tokens" in answer.message
    assert len(fits) == 50
    assert fits[-1].finish == "length"


@pytest.mark.parametrize("stages", [1, 3])
def test_full_caches_make_requests_wait_and_nothing_else(stages: int) -> None:
    """Ten conversations of 120 tokens in caches of 200: nobody is cut short or fails."""
    prompts = [TextPrompt(text=letter * 40) for letter in "abcdefghij"]
    requests = [ask(str(number), prompt=prompt, max_tokens=80) for number, prompt in enumerate(prompts)]
    with arithmetic_pipeline(1).threads as threads:
        alone = [text_of(threads.ask(request)) for request in requests]
    with arithmetic_pipeline(stages, told=SMALL).threads as threads:
        together = [threads.submit(request) for request in requests]
        heard = [list(answers) for answers in together]
    assert [text_of(answers) for answers in heard] == alone
    assert all(len(chunks_of(answers)) == 80 for answers in heard)


def test_those_that_wait_hear_where_they_stand() -> None:
    held = Held()
    with arithmetic_pipeline(1).threads as threads:
        threads.engines[0].submit(ask("first"), held)
        held.wait()
        second, third = threads.submit(ask("second")), threads.submit(ask("third"))
        held.release()
        assert [answer.phase for answer in second if isinstance(answer, Progress)][:1] != ["queued"]
        assert Progress(phase="queued", done=0, total=1) in list(third)


POISON = 7
"""A byte that no other prompt has."""


@pytest.mark.parametrize(("stages", "broken"), [(1, 0), (3, 0), (3, 2)])
def test_a_request_that_breaks_its_steps_ends_alone(stages: int, broken: int) -> None:
    """Those that share a step with it are computed again, each of them alone, and say what they would have said."""
    requests = [ask(str(number), prompt=TextPrompt(text="ab"[number % 2] * (3 + number))) for number in range(6)]
    poisoned = ask("poisoned", prompt=TextPrompt(text="ab\a"))
    first = ask("first", max_tokens=400)
    with arithmetic_pipeline(1).threads as threads:
        alone = [chunks_of(threads.ask(request)) for request in (first, *requests)]
    pipeline, held = arithmetic_pipeline(stages), Held()
    pipeline.stages[broken].poison = POISON
    with pipeline.threads as threads:
        threads.engines[0].submit(first, held)
        held.wait()
        together = [threads.submit(request) for request in (*requests[:3], poisoned, *requests[3:])]
        held.release()
        heard = [list(answers) for answers in together]
        assert chunks_of(held.finish()) == alone[0]
    (failed,) = [answer for answers in heard for answer in answers if isinstance(answer, Failed)]
    assert failed == heard[3][-1]
    assert failed.code == "engine_error"
    assert "poison" in failed.message
    assert [chunks_of(answers) for answers in heard[:3] + heard[4:]] == alone[1:]


def test_after_a_failure_that_does_not_come_back_everybody_goes_on() -> None:
    requests = [ask(str(number), choices=2, sampling=Sampling(temperature=1, seed=number)) for number in range(5)]
    with arithmetic_pipeline(1).threads as threads:
        alone = [threads.ask(request) for request in requests]
    pipeline, held = arithmetic_pipeline(2), Held()
    with pipeline.threads as threads:
        threads.engines[0].submit(ask("first"), held)
        held.wait()
        together = [threads.submit(request) for request in requests]
        pipeline.stages[1].failures = 1
        held.release()
        heard = [list(answers) for answers in together]
        ended = held.finish()[-1]
    for one, other in zip(alone, heard, strict=True):
        assert [chunks_of(other, choice) for choice in (0, 1)] == [chunks_of(one, choice) for choice in (0, 1)]
    assert isinstance(ended, Failed | Chunk)


def test_steps_that_are_too_large_become_smaller_and_nobody_notices() -> None:
    requests = [ask(str(number), prompt=TextPrompt(text="abcdefgh"[number])) for number in range(8)]
    first = ask("first", max_tokens=400)
    with arithmetic_pipeline(1).threads as threads:
        alone = [chunks_of(threads.ask(request)) for request in (*requests, first)]
    pipeline, held = arithmetic_pipeline(1), Held()
    pipeline.stages[0].most_rows = 3
    with pipeline.threads as threads:
        threads.engines[0].submit(first, held)
        held.wait()
        together = [threads.submit(request) for request in requests]
        held.release()
        heard = [chunks_of(list(answers)) for answers in together]
        heard.append(chunks_of(held.finish()))
    assert heard == alone
    assert 1 <= pipeline.stages[0].too_large <= 2


@pytest.mark.parametrize("stages", [1, 3])
def test_what_cannot_be_delivered_ends_its_request_alone(stages: int) -> None:
    heard: list[Answer] = []
    over = threading.Event()

    def listen(answer: Answer) -> None:
        if isinstance(answer, Chunk) and answer.index == 2:
            message = "no text can be made of this"
            raise ValueError(message)
        heard.append(answer)
        if isinstance(answer, Failed):
            over.set()

    with arithmetic_pipeline(stages).threads as threads:
        whole = chunks_of(threads.ask(ask("before")))
        threads.engines[0].submit(ask("fails"), listen)
        beside = threads.submit(ask("beside"))
        assert over.wait(20)
        assert chunks_of(list(beside)) == whole
        assert chunks_of(threads.ask(ask("after"))) == whole
    assert len(chunks_of(heard)) == 2
    assert heard[-1] == Failed(code="engine_error", message="what was computed could not be delivered: ValueError")
