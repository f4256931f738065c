"""One engine over one, two and three stages: the same text, the same limits, the same ends."""

from __future__ import annotations

import pytest

from exo_core.identifiers import RequestId
from exo_core.requests import (
    Accepted,
    Chunk,
    Failed,
    Generate,
    Progress,
    Refused,
    Result,
    Sampling,
    TextPrompt,
    Tokenize,
    TokenPrompt,
)
from exo_core.testing.engine_threads import chunks_of, text_of
from exo_engine.testing.byte_tokenizer import EOS
from exo_engine.testing.pipeline_threads import arithmetic_pipeline

GREEDY = Sampling(temperature=0)
PROMPT = TextPrompt(text="a prompt that is longer than two chunks of sixteen tokens")
LETTERS = range(97, 123)


def ask(name: str = "r", **fields: object) -> Generate:
    return Generate.model_validate(
        {"request_id": RequestId(name), "prompt": PROMPT, "sampling": GREEDY, "max_tokens": 24, **fields}
    )


def test_text_is_the_same_over_one_two_and_three_stages() -> None:
    texts = set[str]()
    for stages in (1, 2, 3):
        with arithmetic_pipeline(stages).threads as threads:
            answers = threads.ask(ask())
            assert isinstance(answers[0], Accepted)
            assert answers[0].prompt_ids == tuple(PROMPT.text.encode())
            assert [chunk.index for chunk in chunks_of(answers)] == list(range(24))
            assert chunks_of(answers)[-1].finish == "length"
            texts.add(text_of(answers))
    assert len(texts) == 1


def test_text_does_not_depend_on_the_prefill_chunk() -> None:
    texts = set[str]()
    for chunk in (1, 7, 512):
        with arithmetic_pipeline(2, prefill_chunk=chunk).threads as threads:
            texts.add(text_of(threads.ask(ask())))
    assert len(texts) == 1


def test_a_prompt_is_prefilled_in_chunks_with_progress_after_each() -> None:
    pipeline = arithmetic_pipeline(2, prefill_chunk=16)
    with pipeline.threads as threads:
        answers = threads.ask(ask(max_tokens=2))
    size = len(PROMPT.text)
    progress = [answer for answer in answers if isinstance(answer, Progress) and answer.phase == "prefill"]
    assert [(step.done, step.total) for step in progress] == [(16, size), (32, size), (48, size), (size - 1, size)]
    assert [row.count for row in pipeline.stages[1].rows_seen] == [16, 16, 16, size - 49, 1, 1]
    assert [row.output for row in pipeline.stages[1].rows_seen] == ["none"] * 4 + ["token"] * 2


@pytest.mark.parametrize("stages", [1, 2])
def test_sequences_are_closed_when_they_are_over(stages: int) -> None:
    pipeline = arithmetic_pipeline(stages)
    with pipeline.threads as threads:
        for number in range(3):
            threads.ask(ask(str(number)))
        threads.ask(Tokenize(request_id=RequestId("t"), prompt=TextPrompt(text="x")))
        threads.ask(ask("last", max_tokens=1))
    assert all(len(stage.lengths()) <= 1 for stage in pipeline.stages)


def test_a_sequence_that_ends_is_closed_although_nothing_follows() -> None:
    pipeline = arithmetic_pipeline(1)
    with pipeline.threads as threads:
        threads.ask(ask())
        threads.ask(Tokenize(request_id=RequestId("t"), prompt=TextPrompt(text="x")))
        assert pipeline.stages[0].lengths() == {}


def test_eos_ends_an_answer_unless_it_is_ignored() -> None:
    with arithmetic_pipeline(1, tokens=[EOS]).threads as threads:
        ended = chunks_of(threads.ask(ask()))
        assert [(chunk.token_id, chunk.text, chunk.finish) for chunk in ended] == [(EOS, "", "stop")]
        ignored = chunks_of(threads.ask(ask(sampling=Sampling(temperature=0, ignore_eos=True), max_tokens=3)))
        assert [chunk.finish for chunk in ignored] == [None, None, "length"]
        later = chunks_of(threads.ask(ask(sampling=Sampling(temperature=0, min_tokens=4))))
        assert [chunk.finish for chunk in later] == [None, None, None, None, "stop"]


def test_a_stop_string_ends_the_text_before_it() -> None:
    with arithmetic_pipeline(2, tokens=LETTERS).threads as threads:
        whole = text_of(threads.ask(ask()))
        stop = whole[10:13]
        answers = threads.ask(ask(stop=(stop,)))
    assert text_of(answers) == whole[: whole.index(stop)]
    assert chunks_of(answers)[-1].finish == "stop"
    assert chunks_of(answers)[-1].index == whole.index(stop) + 2


def test_text_from_counts_what_came_before() -> None:
    with arithmetic_pipeline(1, tokens=[0xC3, 0xA9, 120]).threads as threads:
        answers = threads.ask(ask(max_tokens=40))
    position = 0
    for chunk in chunks_of(answers):
        assert chunk.text_from == position
        position += len(chunk.text)
    ids = [chunk.token_id for chunk in chunks_of(answers)]
    assert text_of(answers) == bytes(ids).decode(errors="replace")


def test_keyed_sampling_gives_each_choice_and_seed_its_own_text() -> None:
    with arithmetic_pipeline(2, tokens=LETTERS).threads as threads:
        answers = threads.ask(ask(choices=3, sampling=Sampling(temperature=1, seed=5)))
        again = threads.ask(ask(choices=3, sampling=Sampling(temperature=1, seed=5)))
        other = threads.ask(ask(sampling=Sampling(temperature=1, seed=6)))
    texts = [text_of(answers, choice) for choice in range(3)]
    assert len(set(texts)) == 3
    assert texts == [text_of(again, choice) for choice in range(3)]
    assert text_of(other) not in texts


@pytest.mark.parametrize("stages", [1, 3])
@pytest.mark.parametrize(
    "fields",
    [
        {"sampling": Sampling(temperature=0.8, seed=11)},
        {"sampling": Sampling(temperature=1, seed=3, min_tokens=9), "stop": ("bb", "b\u20acb"), "max_tokens": 60},
    ],
    ids=["to its length", "to a stop string"],
)
def test_a_replay_goes_on_exactly_where_the_client_was(stages: int, fields: dict[str, object]) -> None:
    """Within a character, within what may become a stop string, before and after the fewest tokens asked for."""
    asked = ask().model_copy(update=fields)
    with arithmetic_pipeline(stages, tokens=[0xE2, 0x82, 0xAC, 98]).threads as threads:
        whole = chunks_of(threads.ask(asked))
        for had in range(len(whole)):
            delivered = tuple(chunk.token_id for chunk in whole[:had])
            rest = chunks_of(threads.ask(asked.model_copy(update={"delivered": (delivered,), "attempt": 1})))
            assert [chunk.model_copy(update={"attempt": 0}) for chunk in rest] == whole[had:], f"after {had} tokens"
    assert whole[-1].finish == ("stop" if "stop" in fields else "length")
    assert len(whole) > 9


def test_a_replay_of_several_choices_goes_on_with_those_that_are_open() -> None:
    with arithmetic_pipeline(1, tokens=LETTERS).threads as threads:
        sampling = Sampling(temperature=1, seed=3)
        whole = threads.ask(ask(choices=2, sampling=sampling, max_tokens=6))
        first, second = ([chunk.token_id for chunk in chunks_of(whole, choice)] for choice in (0, 1))
        delivered = (tuple(first), tuple(second[:2]))
        rest = threads.ask(ask(choices=2, sampling=sampling, max_tokens=6, delivered=delivered))
    assert chunks_of(rest, 0) == chunks_of(whole, 0)[-1:]
    assert chunks_of(rest, 1) == chunks_of(whole, 1)[2:]


def test_logprobs_are_named() -> None:
    with arithmetic_pipeline(1, tokens=[97]).threads as threads:
        (chunk,) = chunks_of(threads.ask(ask(max_tokens=1, sampling=Sampling(temperature=0, logprobs=1))))
    assert chunk.logprobs is not None
    assert (chunk.logprobs.drawn.token, chunk.logprobs.drawn.logprob) == ("a", -0.5)
    assert [top.token for top in chunk.logprobs.top] == ["a"]


def test_max_tokens_is_cut_to_the_context() -> None:
    room = 5
    with arithmetic_pipeline(1, context=len(PROMPT.text) + room).threads as threads:
        for wanted in (None, 100):
            chunks = chunks_of(threads.ask(ask(max_tokens=wanted)))
            assert len(chunks) == room
            assert chunks[-1].finish == "length"


def refusal(*, context: int = 4096, **fields: object) -> Refused:
    with arithmetic_pipeline(1, context=context).threads as threads:
        (answer,) = threads.ask(ask("refused", **fields))
        assert isinstance(answer, Refused)
        assert isinstance(threads.ask(ask(max_tokens=1))[-1], Chunk | Refused)
    return answer


def test_what_cannot_be_answered_is_refused() -> None:
    too_long = refusal(context=20)
    assert (too_long.status, too_long.code) == (400, "context_length_exceeded")
    assert "maximum context length is 20 tokens" in too_long.message
    assert f"{len(PROMPT.text)} tokens" in too_long.message
    assert refusal(prompt=TextPrompt(text="")).code == "empty_prompt"
    assert refusal(prompt=TokenPrompt(token_ids=(1, 257))).code == "invalid_token"
    assert refusal(delivered=((1,), (2,))).code == "invalid_replay"


def test_tokenize_in_both_directions() -> None:
    with arithmetic_pipeline(1).threads as threads:
        there = threads.ask(Tokenize(request_id=RequestId("a"), prompt=TextPrompt(text="é")))
        back = threads.ask(Tokenize(request_id=RequestId("b"), prompt=TokenPrompt(token_ids=(0xC3, 0xA9))))
    assert there == back == [Accepted(prompt_ids=(0xC3, 0xA9)), Result(token_ids=((0xC3, 0xA9),), text="é")]


@pytest.mark.parametrize("stages", [1, 2])
def test_cancel_ends_a_request_at_the_next_step(stages: int) -> None:
    with arithmetic_pipeline(stages, context=10**6).threads as threads:
        answers = threads.submit(ask("long", max_tokens=None, choices=2))
        waiting = threads.submit(ask("waiting"))
        chunks = list[Chunk]()
        for answer in answers:
            if isinstance(answer, Chunk):
                chunks.append(answer)
            if len(chunks) == 10:
                threads.engines[0].cancel(RequestId("long"))
        assert [chunk.choice for chunk in chunks if chunk.finish == "cancelled"] == [0, 1]
        assert isinstance(next(iter(waiting)), Accepted)
        threads.engines[0].cancel(RequestId("unknown"))
        assert chunks_of(list(waiting))[-1].finish == "length"


@pytest.mark.parametrize("stages", [2, 3])
@pytest.mark.parametrize("rewarmed", [False, True])
def test_a_lost_link_fails_what_is_open_and_the_next_ring_works(stages: int, rewarmed: bool) -> None:
    with arithmetic_pipeline(stages, context=10**6).threads as threads:
        whole = text_of(threads.ask(ask("before"))) if rewarmed else None
        answers = threads.submit(ask("lost", max_tokens=None))
        collected = list[object]()
        for answer in answers:
            collected.append(answer)
            if isinstance(answer, Chunk) and answer.index == 5:
                raised = threads.cut()
                assert [type(problem).__name__ for problem in raised] == ["LinkClosed"] * stages
        assert isinstance(collected[-1], Failed)
        assert collected[-1].code == "instance_lost"
        threads.link()
        after = text_of(threads.ask(ask("after")))
        assert len(after) > 0
        assert whole in (None, after)


def test_an_idle_head_notices_a_dead_link() -> None:
    with arithmetic_pipeline(2).threads as threads:
        threads.ask(ask(max_tokens=1))
        assert [type(problem).__name__ for problem in threads.cut()] == ["LinkClosed"] * 2


@pytest.mark.parametrize(("stages", "broken"), [(1, 0), (3, 0), (3, 1), (3, 2)])
def test_a_step_that_fails_ends_its_request_and_the_engine_lives(stages: int, broken: int) -> None:
    pipeline = arithmetic_pipeline(stages)
    with pipeline.threads as threads:
        whole = text_of(threads.ask(ask("before")))
        pipeline.stages[broken].failures = 1
        failed = threads.ask(ask("fails"))[-1]
        assert isinstance(failed, Failed)
        assert failed.code == "engine_error"
        assert "a failure that was asked for" in failed.message
        assert text_of(threads.ask(ask("after"))) == whole


@pytest.mark.parametrize("stages", [1, 3])
def test_stop_ends_every_engine_and_leaves_no_request_open(stages: int) -> None:
    pipeline = arithmetic_pipeline(stages, context=10**6)
    with pipeline.threads as threads:
        answers = threads.submit(ask("open", max_tokens=None))
        assert isinstance(next(iter(answers)), Accepted)
    assert pipeline.threads.alive == 0
    assert isinstance(list(answers)[-1], Failed)


def test_a_ring_that_holds_one_message_per_link_does_not_block() -> None:
    with arithmetic_pipeline(3, prefill_chunk=1, capacity=1).threads as threads:
        assert len(chunks_of(threads.ask(ask()))) == 24
