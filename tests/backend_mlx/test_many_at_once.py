"""Many requests at once over real models: what each of them hears is what it hears alone, up to near ties."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from exo_backend_mlx.backend import MlxBackend
from exo_backend_mlx.testing.engines_of_folder import mlx_engines
from exo_core.identifiers import ModelId, RequestId
from exo_core.requests import (
    Accepted,
    Answer,
    Chunk,
    Embed,
    Generate,
    Progress,
    Result,
    Sampling,
    Score,
    TokenPrompt,
)
from exo_core.testing.engine_threads import EngineThreads, chunks_of

ModelFolder = Callable[..., Path]
NEAR_TIE = 1e-4
TOKENS = 24


def engines(folder: Path, stages: int) -> EngineThreads:
    return mlx_engines(folder, stages, prefill_chunk=16)


def ask(name: str, prompt: Sequence[int], **fields: object) -> Generate:
    return Generate.model_validate(
        {
            "request_id": RequestId(name),
            "prompt": TokenPrompt(token_ids=tuple(prompt)),
            "sampling": Sampling(temperature=0, ignore_eos=True, logprobs=2),
            "max_tokens": TOKENS,
            **fields,
        }
    )


def agree(one: Sequence[Chunk], other: Sequence[Chunk]) -> bool:
    """Token for token, until the two best lie so near that rounding decides; whether they agreed to the end."""
    assert len(one) == len(other)
    for a, b in zip(one, other, strict=True):
        if a.token_id != b.token_id:
            assert a.logprobs is not None
            best, second = a.logprobs.top
            assert best.logprob - second.logprob <= NEAR_TIE, f"token {a.index}"
            return False
    return True


@pytest.fixture(scope="module", params=["llama", "gemma3_text", "mamba2", "lfm2"])
def folder(request: pytest.FixtureRequest, model_folder: ModelFolder) -> Path:
    """Caches that can be trimmed; that keep a window; that keep a state only; some of both."""
    return model_folder(architecture=request.param, layers=4)


def stages_of(folder: Path) -> Sequence[int]:
    card = MlxBackend().describe(ModelId("m"), folder)
    return (1, 2) if card.cut_points else (1,)


def test_what_each_hears_alone(folder: Path) -> None:
    requests = [ask(str(number), range(5 + number, 8 + 6 * number), choices=1 + number % 2) for number in range(8)]
    with engines(folder, 1) as threads:
        alone = [threads.ask(request) for request in requests]
    for stages in stages_of(folder):
        with engines(folder, stages) as threads:
            together = [threads.submit(request) for request in requests]
            heard = [list(answers) for answers in together]
        agreed = [
            agree(chunks_of(one, choice), chunks_of(other, choice))
            for request, one, other in zip(requests, alone, heard, strict=True)
            for choice in range(request.choices)
        ]
        assert sum(agreed) >= len(agreed) - 1


def cached(answers: Sequence[Answer]) -> int:
    return max((answer.cached for answer in answers if isinstance(answer, Progress)), default=0)


def test_a_second_turn_computes_what_is_new(folder: Path) -> None:
    first = ask("first", range(5, 45))
    with engines(folder, 1) as threads:
        reply = [chunk.token_id for chunk in chunks_of(threads.ask(first))]
    prompt = [*range(5, 45), *reply, 7, 8, 9]
    second = ask("second", prompt)
    with engines(folder, 1) as threads:
        expected = threads.ask(second)
    for stages in stages_of(folder):
        with engines(folder, stages) as threads:
            threads.ask(first)
            answers = threads.ask(second)
        assert cached(answers) == 40 + TOKENS - 1
        agree(chunks_of(expected), chunks_of(answers))


def test_a_fork_of_a_conversation_shares_what_can_be_trimmed(model_folder: ModelFolder) -> None:
    with engines(model_folder(architecture="llama", layers=4), 2) as threads:
        threads.ask(ask("first", range(5, 45)))
        fork = ask("fork", [*range(5, 35), 3, 4])
        answers = threads.ask(fork)
        again = threads.ask(ask("again", range(5, 45)))
    with engines(model_folder(architecture="llama", layers=4), 1) as threads:
        expected, expected_again = threads.ask(fork), threads.ask(ask("again", range(5, 45)))
    assert cached(answers) == 30
    assert cached(again) == 39
    agree(chunks_of(expected), chunks_of(answers))
    agree(chunks_of(expected_again), chunks_of(again))


def test_texts_are_embedded_and_scored_over_stages(model_folder: ModelFolder) -> None:
    folder = model_folder(architecture="llama", layers=4)
    text = tuple(range(5, 45))
    prompts = (TokenPrompt(token_ids=text), TokenPrompt(token_ids=text[:3]))
    embed = Embed(request_id=RequestId("e"), prompts=prompts)
    score = Score(request_id=RequestId("s"), prompt=prompts[0], top=1)
    results: list[tuple[Result, Result]] = []
    for stages in (1, 2):
        with engines(folder, stages) as threads:
            embedded, scored = threads.ask(embed), threads.ask(score)
            plain = Sampling(temperature=0, logprobs=1)
            (drawn,) = chunks_of(threads.ask(ask("next", text[:20], max_tokens=1, sampling=plain)))
        assert isinstance(embedded[0], Accepted)
        assert isinstance(embedded[-1], Result)
        assert isinstance(scored[-1], Result)
        results.append((embedded[-1], scored[-1]))
        assert drawn.logprobs is not None
        assert scored[-1].logprobs[19].top[0].logprob == pytest.approx(drawn.logprobs.drawn.logprob, abs=1e-4)
    (vectors, logprobs), (other_vectors, other_logprobs) = results
    assert [len(vector) for vector in vectors.vectors] == [64, 64]
    for vector, other in zip(vectors.vectors, other_vectors.vectors, strict=True):
        assert vector == pytest.approx(other, abs=1e-5)
    assert len(logprobs.logprobs) == len(text) - 1
    assert logprobs == other_logprobs
