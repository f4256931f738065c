"""Whatever is asked in whatever order, every stage holds the same sequences at the same lengths."""

from __future__ import annotations

import random

import pytest

from exo_core.identifiers import RequestId
from exo_core.requests import Answer, Chunk, Failed, Generate, Sampling, TextPrompt, Tokenize
from exo_core.testing.engine_threads import Answers
from exo_engine.testing.pipeline_threads import ArithmeticPipeline, arithmetic_pipeline


def ask(chance: random.Random, number: int) -> Generate:
    return Generate(
        request_id=RequestId(str(number)),
        prompt=TextPrompt(text="x" * chance.randint(1, 60)),
        sampling=Sampling(temperature=chance.choice([0, 1]), seed=number),
        max_tokens=chance.randint(1, 12),
        choices=chance.randint(1, 3),
    )


def disturb(pipeline: ArithmeticPipeline, chance: random.Random, number: int) -> None:
    threads = pipeline.threads
    match chance.randrange(8):
        case 0:
            threads.engines[0].cancel(RequestId(str(chance.randint(0, number))))
        case 1:
            chance.choice(pipeline.stages).failures = 1
        case 2:
            assert {type(problem).__name__ for problem in threads.cut()} == {"LinkClosed"}
            threads.link()
        case _:
            pass


@pytest.mark.parametrize("seed", range(8))
def test_lengths_are_equal_on_all_stages(seed: int) -> None:
    chance = random.Random(seed)
    pipeline = arithmetic_pipeline(3, prefill_chunk=8)
    with pipeline.threads as threads:
        waiting = list[Answers]()
        for number in range(12):
            waiting.append(threads.submit(ask(chance, number)))
            disturb(pipeline, chance, number)
        ends = [list(answers)[-1] for answers in waiting]
        assert all(isinstance(end, Chunk | Failed) for end in ends)
        settle(pipeline)
    first, *others = [dict(stage.lengths()) for stage in pipeline.stages]
    assert all(lengths == first for lengths in others)


def settle(pipeline: ArithmeticPipeline) -> None:
    """Two requests one after the other: when the second is answered, the first one's end has gone round."""
    for stage in pipeline.stages:
        stage.failures = 0
    for name in ("settle", "settled"):
        answers: list[Answer] = pipeline.threads.ask(
            Generate(request_id=RequestId(name), prompt=TextPrompt(text="x"), max_tokens=1)
        )
        assert isinstance(answers[-1], Chunk)
    pipeline.threads.ask(Tokenize(request_id=RequestId("t"), prompt=TextPrompt(text="x")))
