"""An answer of the embedded model that is taken up again, at whatever token, goes on as it would have."""

from __future__ import annotations

from pathlib import Path

import pytest

import exo_source_tiny
from exo_backend_mlx.backend import MlxBackend
from exo_backend_mlx.testing.engines_of_folder import mlx_engines
from exo_core.backends import Backend
from exo_core.identifiers import RequestId
from exo_core.requests import ChatPrompt, Chunk, Generate, Sampling
from exo_core.testing.backend_conformance import BackendConformance
from exo_core.testing.engine_threads import EngineThreads, chunks_of

TINY = Path(exo_source_tiny.__file__).parent / "model"
TOKENS = 24
PROMPT = ChatPrompt(messages=({"role": "user", "content": "What is exo?"},))


def ask(threads: EngineThreads, sampling: Sampling, delivered: tuple[tuple[int, ...], ...] = ()) -> list[list[Chunk]]:
    """Two choices of an answer, or what is left of them."""
    request = Generate(
        request_id=RequestId("r"),
        prompt=PROMPT,
        sampling=sampling,
        max_tokens=TOKENS,
        choices=2,
        stop=("never said",),
        delivered=delivered,
    )
    answers = threads.ask(request)
    return [chunks_of(answers, choice) for choice in (0, 1)]


@pytest.mark.parametrize(
    "sampling",
    [
        Sampling(temperature=0, ignore_eos=True),
        Sampling(temperature=1, seed=7, ignore_eos=True),
        Sampling(temperature=1, seed=8, top_p=0.9, repetition_penalty=1.2, frequency_penalty=0.4, min_tokens=20),
    ],
    ids=["greedy", "sampled", "penalized"],
)
def test_every_cut_of_an_answer_is_invisible(sampling: Sampling) -> None:
    with mlx_engines(TINY) as one, mlx_engines(TINY, 2) as two:
        whole = ask(one, sampling)
        for cut in range(TOKENS):
            delivered = tuple(tuple(chunk.token_id for chunk in choice[:cut]) for choice in whole)
            rest = ask(two, sampling, delivered)
            for had, got in zip(whole, rest, strict=True):
                assert got == (had[cut:] or had[-1:]), f"taken up after {cut} tokens"


class TestMlxBackend(BackendConformance):
    @pytest.fixture
    def backend(self) -> Backend:
        return MlxBackend()

    @pytest.fixture
    def model_folder(self) -> Path:
        return TINY
