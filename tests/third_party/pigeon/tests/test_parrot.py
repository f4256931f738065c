"""A parrot keeps exo's contract of backends, and repeats what it heard, in one piece or in several."""

from __future__ import annotations

from pathlib import Path

import pytest
from pigeon.feathers import ParrotConfig, feather_name, make_parrot
from pigeon.parrot import ParrotBackend

from exo_core.backends import Backend, LoadProgress
from exo_core.errors import ModelError
from exo_core.identifiers import ModelId, RequestId
from exo_core.placement import ShardAssignment
from exo_core.requests import ChatPrompt, Generate, Sampling
from exo_core.testing.assignments import even_assignments
from exo_core.testing.backend_conformance import BackendConformance
from exo_core.testing.engine_threads import EngineThreads, chunks_of, text_of
from exo_engine.pipeline import PipelineEngine

PARROT = ModelId("loft/polly")
LAYERS = 6


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A parrot of six layers, with a context in which a test has time to interrupt it."""
    for name, content in make_parrot(PARROT, ParrotConfig(layers=LAYERS, context=32768)).items():
        (tmp_path / name).write_bytes(content)
    return tmp_path


class TestParrot(BackendConformance):
    @pytest.fixture
    def backend(self) -> Backend:
        return ParrotBackend()

    @pytest.fixture
    def model_folder(self, folder: Path) -> Path:
        return folder


def load(assignment: ShardAssignment, folder: Path) -> PipelineEngine:
    """A shard's engine."""
    steps: list[LoadProgress] = []
    engine = ParrotBackend().load(assignment, generation_base=("placement-1", 1), folder=folder, progress=steps.append)
    assert steps[-1].done == steps[-1].total == 256 * (assignment.shard.end_layer - assignment.shard.start_layer)
    return engine


def threads(folder: Path, stages: int) -> EngineThreads:
    """That parrot over so many stages."""
    card = ParrotBackend().describe(PARROT, folder)
    assignments = even_assignments(card, stages, backend="parrot", prefill_chunk=8)
    return EngineThreads([lambda part=part: load(part, folder) for part in assignments])


def hear(text: str, sampling: Sampling | None = None, **fields: object) -> Generate:
    """A conversation of one message."""
    prompt = ChatPrompt(messages=({"role": "user", "content": text},))
    return Generate.model_validate(
        {"request_id": RequestId("r"), "prompt": prompt, "sampling": sampling or Sampling(temperature=0), **fields}
    )


@pytest.mark.parametrize("stages", [1, 2, 3, LAYERS])
def test_it_repeats_what_it_heard(folder: Path, stages: int) -> None:
    with threads(folder, stages) as parrot:
        for text in ("Polly wants a cracker", "Übermut tut selten gut 🦜", "x"):
            answers = parrot.ask(hear(text))
            assert text_of(answers) == text
            assert chunks_of(answers)[-1].finish == "stop"


def test_a_parrot_that_lacks_a_layer_speaks_gibberish(folder: Path) -> None:
    (folder / feather_name(2)).write_bytes((folder / feather_name(3)).read_bytes())
    with threads(folder, 2) as parrot:
        assert text_of(parrot.ask(hear("Polly wants a cracker", max_tokens=40))) != "Polly wants a cracker"


def test_it_stops_and_goes_on_as_told(folder: Path) -> None:
    with threads(folder, 2) as parrot:
        assert text_of(parrot.ask(hear("abc", Sampling(temperature=0, ignore_eos=True), max_tokens=7))) == "abcabca"
        assert text_of(parrot.ask(hear("abc", Sampling(temperature=0, min_tokens=4)))) == "abca"
        assert text_of(parrot.ask(hear("abcabc", stop=("ca",)))) == "ab"


def test_an_answer_is_taken_up_where_it_was_broken_off(folder: Path) -> None:
    with threads(folder, 2) as parrot:
        answers = parrot.ask(hear("cracker", attempt=1, delivered=(tuple(b"crac"),)))
    assert next((chunk.index, chunk.text) for chunk in chunks_of(answers)) == (4, "k")


@pytest.mark.parametrize("damage", [b"", b"feathers", bytes(256)])
def test_a_damaged_feather_is_named(folder: Path, damage: bytes) -> None:
    (folder / feather_name(4)).write_bytes(damage)
    card = ParrotBackend().describe(PARROT, folder)
    first, second = even_assignments(card, 2, backend="parrot")
    load(first, folder)
    with pytest.raises(ModelError, match=feather_name(4)):
        load(second, folder)


def test_a_folder_without_a_parrot_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="holds no parrot"):
        ParrotBackend().describe(PARROT, tmp_path)
