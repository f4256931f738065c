"""Constrained and free answers of a real model together: each says what it says alone, whatever else is asked of it."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Generator
from pathlib import Path

import pytest

from exo_backend_mlx.testing.engines_of_folder import mlx_engines
from exo_core.identifiers import RequestId
from exo_core.requests import Answer, Generate, Grammar, Result, Sampling, TextPrompt, Tokenize
from exo_core.testing.engine_threads import EngineThreads, chunks_of, text_of

ModelFolder = Callable[..., Path]
FIELDS = {"name": {"type": "string", "maxLength": 8}, "size": {"enum": [1, 20, 300]}, "good": {"type": "boolean"}}
SCHEMA = {"type": "object", "properties": FIELDS, "required": list(FIELDS), "additionalProperties": False}
THING = Grammar(kind="json_schema", text=json.dumps(SCHEMA))
SAMPLINGS = {
    "greedy": Sampling(temperature=0),
    "explained": Sampling(seed=1, logprobs=20),
    "cut": Sampling(seed=2, top_k=5, top_p=0.9, min_p=0.01),
    "penalized": Sampling(seed=3, repetition_penalty=1.3, presence_penalty=0.5, frequency_penalty=0.5),
    "endless": Sampling(seed=4, ignore_eos=True),
    "long": Sampling(seed=5, min_tokens=90),
}


@pytest.fixture(scope="module")
def folder(model_folder: ModelFolder) -> Path:
    return model_folder(architecture="llama", layers=4)


@pytest.fixture(scope="module")
def one_stage(folder: Path) -> Generator[EngineThreads]:
    with mlx_engines(folder) as threads:
        yield threads


@pytest.fixture(scope="module")
def two_stages(folder: Path) -> Generator[EngineThreads]:
    with mlx_engines(folder, 2) as threads:
        yield threads


def ask(name: str, grammar: Grammar | None, sampling: Sampling) -> Generate:
    prompt = TextPrompt(text="Say something.")
    return Generate(
        request_id=RequestId(name), prompt=prompt, sampling=sampling, max_tokens=100, grammar=grammar, choices=2
    )


def said(answers: list[Answer]) -> list[list[int]]:
    return [[chunk.token_id for chunk in chunks_of(answers, choice)] for choice in (0, 1)]


def test_each_says_what_it_says_alone(one_stage: EngineThreads, two_stages: EngineThreads) -> None:
    requests = [
        ask(f"{name} {grammar is not None}", grammar, sampling)
        for name, sampling in SAMPLINGS.items()
        for grammar in (THING, None)
    ]
    alone = [said(one_stage.ask(request)) for request in requests]
    together = [two_stages.submit(request) for request in requests]
    assert [said(list(answers)) for answers in together] == alone


@pytest.mark.parametrize("name", SAMPLINGS)
def test_whatever_is_asked_of_the_drawing_the_answer_fits(one_stage: EngineThreads, name: str) -> None:
    answers = one_stage.ask(ask(name, THING, SAMPLINGS[name]))
    for choice in (0, 1):
        chunks = chunks_of(answers, choice)
        assert chunks[-1].finish == "stop"
        assert list(json.loads("".join(chunk.text for chunk in chunks))) == list(FIELDS)
        if name == "explained":
            likely = [token.logprob for chunk in chunks if chunk.logprobs for token in chunk.logprobs.top]
            assert likely
            assert all(map(math.isfinite, likely)), "what is not allowed is not likely"


def test_a_bias_steers_only_what_is_allowed(one_stage: EngineThreads) -> None:
    (found,) = [
        answer
        for answer in one_stage.ask(Tokenize(request_id=RequestId("t"), prompt=TextPrompt(text="b")))
        if isinstance(answer, Result)
    ]
    letter = found.token_ids[0][-1]
    sampling = Sampling(seed=1, logit_bias=((letter, 100.0),))
    assert text_of(one_stage.ask(ask("a", Grammar(kind="regex", text="[ab]{6}"), sampling))) == "bbbbbb"
    assert text_of(one_stage.ask(ask("b", Grammar(kind="regex", text="[ac]{6}"), sampling))).strip("ac") == ""
