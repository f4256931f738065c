"""What every backend must do. Subclass `BackendConformance` and override its two fixtures."""

from __future__ import annotations

import re
import threading
from collections.abc import Sequence
from pathlib import Path

import pytest

from exo_core.backends import Backend, ChoosesParts, Engine, LoadProgress, LoadsResizable, ResizesCaches
from exo_core.cards import Card
from exo_core.errors import LinkClosed, ModelError
from exo_core.identifiers import ModelId, RequestId
from exo_core.model_files.safetensors_headers import read_header
from exo_core.placement import ShardAssignment
from exo_core.requests import Accepted, Answer, Chunk, Failed, Generate, Grammar, Refused, Sampling, TextPrompt
from exo_core.testing.assignments import even_assignments
from exo_core.testing.engine_threads import PATIENCE, EngineThreads, chunks_of, text_of

MODEL_ID = ModelId("model-under-test")


def greedy(text: str, *, name: str = "request", **fields: object) -> Generate:
    """A request whose answer is as long as asked for and the same every time; `fields` are laid over it."""
    usual = {"prompt": TextPrompt(text=text), "sampling": Sampling(temperature=0, ignore_eos=True), "max_tokens": 16}
    return Generate.model_validate({"request_id": RequestId(name), **usual, **fields})


class BackendConformance:
    """`prompt` is a text that the model can read; models should be small: each test loads one anew."""

    prompt = "one two three four five"

    @pytest.fixture
    def backend(self) -> Backend:
        """The backend under test."""
        raise NotImplementedError

    @pytest.fixture
    def model_folder(self) -> Path:
        """The folder of a small model that it can run, on two stages if it can cut any."""
        raise NotImplementedError

    @pytest.fixture
    def card(self, backend: Backend, model_folder: Path) -> Card:
        """The model's card."""
        return backend.describe(MODEL_ID, model_folder)

    # what it says of itself ------------------------------------------------------------------------------

    def test_it_can_be_used_here(self, backend: Backend) -> None:
        facts = backend.probe()
        assert facts.usable, facts.reason

    def test_the_card_is_of_one_piece(self, backend: Backend, card: Card) -> None:
        assert card.model_id == MODEL_ID
        assert backend.name in card.backends
        assert len(card.layer_bytes) == len(card.kv_bytes_per_token) == len(card.state_bytes) == card.layers > 0
        assert set(card.cut_points) <= set(range(1, card.layers))
        assert not {cut.layer for cut in card.forbidden_cuts} & set(card.cut_points)
        assert card.context > 0
        assert card.activation_bytes > 0

    def test_a_folder_that_is_no_model_is_a_model_error(self, backend: Backend, tmp_path: Path) -> None:
        empty = tmp_path / "no model"
        empty.mkdir()
        with pytest.raises(ModelError):
            backend.describe(MODEL_ID, empty)

    def test_the_weights_that_it_chooses_exist(self, backend: Backend, model_folder: Path, card: Card) -> None:
        if not isinstance(backend, ChoosesParts):
            pytest.skip("it reads all files")
        for assignment in even_assignments(card, 2 if card.cut_points else 1, backend=backend.name):
            chosen = backend.parts(assignment, model_folder)
            assert any(part.tensors != () for part in chosen)
            for part in chosen:
                assert set(part.tensors or ()) <= read_header(model_folder / part.path).tensors.keys()

    # one stage -------------------------------------------------------------------------------------------

    def test_loading_is_reported_up_to_the_end(self, backend: Backend, model_folder: Path, card: Card) -> None:
        reported: list[LoadProgress] = []
        (assignment,) = even_assignments(card, 1, backend=backend.name)
        with EngineThreads([lambda: _load(backend, assignment, model_folder, reported)]):
            pass
        loading = [step for step in reported if step.phase == "loading"]
        assert loading
        assert loading[-1].done == loading[-1].total
        assert [step.done for step in loading] == sorted(step.done for step in loading)

    def test_an_answer_is_accepted_and_then_comes_in_chunks(
        self, backend: Backend, model_folder: Path, card: Card
    ) -> None:
        with _engines(backend, model_folder, card, 1) as threads:
            answers = threads.ask(greedy(self.prompt))
        assert isinstance(answers[0], Accepted)
        assert answers[0].prompt_ids
        chunks = chunks_of(answers)
        assert [chunk.index for chunk in chunks] == list(range(16))
        assert [chunk.finish for chunk in chunks] == [None] * 15 + ["length"]
        assert [chunk.text_from for chunk in chunks] == _offsets(chunks)

    def test_a_prompt_beyond_the_context_is_refused(self, backend: Backend, model_folder: Path, card: Card) -> None:
        with _engines(backend, model_folder, card, 1) as threads:
            one = threads.ask(greedy(self.prompt, max_tokens=1))[0]
            assert isinstance(one, Accepted)
            text = self.prompt * (card.context // len(one.prompt_ids) + 2)
            (refused,) = threads.ask(greedy(text))
            assert isinstance(refused, Refused)
            assert (refused.status, refused.code) == (400, "context_length_exceeded")
            assert chunks_of(threads.ask(greedy(self.prompt)))

    @pytest.mark.parametrize("temperature", [0.0, 1.0])
    def test_a_replay_goes_on_where_the_client_was(
        self, backend: Backend, model_folder: Path, card: Card, temperature: float
    ) -> None:
        sampling = Sampling(temperature=temperature, seed=5, ignore_eos=True)
        with _engines(backend, model_folder, card, 1) as threads:
            whole = chunks_of(threads.ask(greedy(self.prompt, sampling=sampling)))
            for had in (0, 1, 6, 15):
                delivered = tuple(chunk.token_id for chunk in whole[:had])
                asked = greedy(self.prompt, sampling=sampling, delivered=(delivered,), attempt=1)
                rest = chunks_of(threads.ask(asked))
                assert {chunk.attempt for chunk in rest} == {1}
                assert [_place(chunk) for chunk in rest] == [_place(chunk) for chunk in whole[had:]], f"after {had}"

    def test_a_replay_finishes_every_choice(self, backend: Backend, model_folder: Path, card: Card) -> None:
        with _engines(backend, model_folder, card, 1) as threads:
            whole = threads.ask(greedy(self.prompt, choices=2))
            first, second = (tuple(chunk.token_id for chunk in chunks_of(whole, choice)) for choice in (0, 1))
            rest = threads.ask(greedy(self.prompt, choices=2, delivered=(first, second[:4]), attempt=1))
        assert [chunk.index for chunk in chunks_of(rest, 0)] == [15], "it was delivered to its end"
        assert [chunk.index for chunk in chunks_of(rest, 1)] == list(range(4, 16))
        assert {chunks_of(rest, choice)[-1].finish for choice in (0, 1)} == {"length"}

    def test_a_grammar_is_held_or_refused(self, backend: Backend, model_folder: Path, card: Card) -> None:
        grammar = Grammar(kind="regex", text="(so|on){5}")
        with _engines(backend, model_folder, card, 1) as threads:
            answers = threads.ask(greedy(self.prompt, grammar=grammar))
        if isinstance(answers[0], Refused):
            assert (answers[0].status, answers[0].code) == (400, "grammar_not_supported")
        else:
            assert re.fullmatch(grammar.text, text_of(answers))
            assert chunks_of(answers)[-1].finish == "stop"

    def test_cancel_ends_a_request(self, backend: Backend, model_folder: Path, card: Card) -> None:
        with _engines(backend, model_folder, card, 1) as threads:
            answers: list[Answer] = []
            for answer in threads.submit(greedy(self.prompt, max_tokens=card.context, name="long")):
                answers.append(answer)
                if isinstance(answer, Chunk) and answer.index == 2:
                    threads.engines[0].cancel(RequestId("long"))
            assert isinstance(answers[-1], Chunk)
            assert answers[-1].finish == "cancelled"
            assert chunks_of(threads.ask(greedy(self.prompt)))[-1].finish == "length"

    def test_stop_ends_run_and_leaves_no_request_open(self, backend: Backend, model_folder: Path, card: Card) -> None:
        threads = _engines(backend, model_folder, card, 1)
        with threads:
            answers = threads.submit(greedy(self.prompt, max_tokens=card.context))
            assert isinstance(next(iter(answers)), Accepted)
        assert threads.alive == 0
        assert isinstance(list(answers)[-1], Failed | Chunk)

    def test_caches_take_another_number(self, backend: Backend, model_folder: Path, card: Card) -> None:
        with _engines(backend, model_folder, card, 1) as threads:
            engine, taken = threads.engines[0], threading.Event()
            if not isinstance(engine, ResizesCaches):
                assert not (isinstance(backend, LoadsResizable) and backend.engines_resize)
                pytest.skip("what its caches were promised stays theirs")
            engine.resize_caches(2**30, taken.set)
            assert taken.wait(PATIENCE), "nobody heard that they take it"
            assert chunks_of(threads.ask(greedy(self.prompt)))

    # several stages --------------------------------------------------------------------------------------

    def test_text_is_the_same_over_two_stages(self, backend: Backend, model_folder: Path, card: Card) -> None:
        _skip_unless_cut(card)
        with _engines(backend, model_folder, card, 1) as threads:
            whole = text_of(threads.ask(greedy(self.prompt)))
        with _engines(backend, model_folder, card, 2) as threads:
            assert text_of(threads.ask(greedy(self.prompt))) == whole

    def test_after_a_lost_link_the_next_ring_works(self, backend: Backend, model_folder: Path, card: Card) -> None:
        _skip_unless_cut(card)
        with _engines(backend, model_folder, card, 2) as threads:
            whole = text_of(threads.ask(greedy(self.prompt)))
            answers: list[Answer] = []
            for answer in threads.submit(greedy(self.prompt, max_tokens=card.context)):
                answers.append(answer)
                if isinstance(answer, Chunk) and answer.index == 2:
                    assert [type(problem) for problem in threads.cut()] == [LinkClosed, LinkClosed]
            assert isinstance(answers[-1], Failed)
            assert answers[-1].code == "instance_lost"
            threads.link()
            assert text_of(threads.ask(greedy(self.prompt))) == whole


def _skip_unless_cut(card: Card) -> None:
    if not card.cut_points:
        pytest.skip("this model cannot be cut: " + "; ".join(cut.reason for cut in card.forbidden_cuts))


def _engines(backend: Backend, folder: Path, card: Card, stages: int) -> EngineThreads:
    assignments = even_assignments(card, stages, backend=backend.name)
    return EngineThreads([lambda assignment=one: _load(backend, assignment, folder, []) for one in assignments])


def _load(backend: Backend, assignment: ShardAssignment, folder: Path, reported: list[LoadProgress]) -> Engine:
    base = (assignment.placement.placement_id, 1)
    return backend.load(assignment, generation_base=base, folder=folder, progress=reported.append)


def _place(chunk: Chunk) -> tuple[int, int, int]:
    return chunk.index, chunk.token_id, chunk.text_from


def _offsets(chunks: Sequence[Chunk]) -> list[int]:
    return [sum(len(before.text) for before in chunks[:at]) for at in range(len(chunks))]
