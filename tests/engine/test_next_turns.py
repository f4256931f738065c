"""What was computed for one request is not computed again for the next, which begins as it did."""

from __future__ import annotations

from queue import SimpleQueue

import pytest

from exo_core.identifiers import RequestId
from exo_core.requests import Answer, Chunk, Generate, Progress, Sampling, TextPrompt, TokenPrompt
from exo_core.testing.engine_threads import Answers, chunks_of, text_of
from exo_engine.steps import StageReport
from exo_engine.testing.byte_tokenizer import EOS
from exo_engine.testing.pipeline_threads import arithmetic_pipeline

PROMPT = TextPrompt(text="a prompt that is longer than two chunks of sixteen tokens")
NEW = b"and then?"


def ask(name: str, prompt: TextPrompt | TokenPrompt = PROMPT) -> Generate:
    return Generate(request_id=RequestId(name), prompt=prompt, sampling=Sampling(temperature=0), max_tokens=24)


def next_turn(reply: list[int]) -> TokenPrompt:
    return TokenPrompt(token_ids=(*PROMPT.text.encode(), *reply, *NEW))


def cached(answers: list[Answer]) -> int:
    return max((answer.cached for answer in answers if isinstance(answer, Progress)), default=0)


def test_the_second_turn_of_a_conversation_computes_what_is_new() -> None:
    pipeline = arithmetic_pipeline(2)
    with pipeline.threads as threads:
        first = threads.ask(ask("first"))
        prompt = next_turn([chunk.token_id for chunk in chunks_of(first)])
        before = [len(stage.rows_seen) for stage in pipeline.stages]
        second = threads.ask(ask("second", prompt))
        new = [stage.rows_seen[seen:] for stage, seen in zip(pipeline.stages, before, strict=True)]
        with arithmetic_pipeline(1).threads as fresh:
            expected = fresh.ask(ask("alone", prompt))
    assert text_of(second) == text_of(expected)
    assert cached(first) == 0
    assert cached(second) == len(prompt.token_ids) - len(NEW) - 1  # a reply's last token is in no cache
    for rows in new:
        assert sum(row.count for row in rows if row.output == "none") == len(NEW)


def test_the_same_prompt_again_is_not_computed_again() -> None:
    with arithmetic_pipeline(1).threads as threads:
        first, again = threads.ask(ask("first")), threads.ask(ask("again"))
    assert cached(again) == len(PROMPT.text) - 1
    assert text_of(again) == text_of(first)


@pytest.mark.parametrize("stages", [1, 2])
def test_a_next_turn_that_is_asked_with_the_last_token_finds_what_was_kept(stages: int) -> None:
    """Nobody can be quicker: it comes while the last token is told, before its sequence is closed."""
    reply, asked = list[int](), SimpleQueue[Answers]()
    with arithmetic_pipeline(stages).threads as threads:

        def hear(answer: Answer) -> None:
            if isinstance(answer, Chunk):
                reply.append(answer.token_id)
                if answer.finish is not None:
                    asked.put(threads.submit(ask("second", next_turn(reply))))

        threads.engines[0].submit(ask("first"), hear)
        second = list(asked.get(timeout=20))
    assert cached(second) == len(next_turn(reply).token_ids) - len(NEW) - 1


@pytest.mark.parametrize("trimmable", [True, False])
def test_an_end_that_was_fed_to_the_step_ahead_is_kept_as_such(trimmable: bool) -> None:
    """What cannot be cut then serves a next turn that has the end too; one without it begins after the prompt."""
    tokens, told, answers = (97, 98, 99, EOS), StageReport(trimmable=trimmable), list[list[Chunk]]()
    with arithmetic_pipeline(1, tokens=tokens, told=told).threads as threads:
        reply = [chunk.token_id for chunk in chunks_of(threads.ask(ask("first")))]
        assert reply[-1] == EOS
        with_end, without = next_turn(reply), next_turn(reply[:-1])
        heard = [threads.ask(ask(str(at), prompt)) for at, prompt in enumerate((without, with_end))]
        answers.extend(map(chunks_of, heard))
    known = len(PROMPT.text)
    assert [cached(each) for each in heard] == [known + len(reply) - 1 if trimmable else known - 1, known + len(reply)]
    for prompt, chunks in zip((without, with_end), answers, strict=True):
        with arithmetic_pipeline(1, tokens=tokens, told=told).threads as threads:
            alone = chunks_of(threads.ask(ask("alone", prompt)))
        assert [chunk.token_id for chunk in chunks] == [chunk.token_id for chunk in alone]
