"""Answers that are held to a grammar: alone and beside others, over one stage and several, taken up again."""

from __future__ import annotations

import json
from collections.abc import Generator

import pytest

from exo_core.identifiers import RequestId
from exo_core.requests import Answer, Failed, Generate, Grammar, Refused, Sampling, TextPrompt
from exo_core.testing.engine_threads import EngineThreads, chunks_of, text_of
from exo_engine.grammars.desk import MOST_COMPILING
from exo_engine.testing.byte_tokenizer import EOS
from exo_engine.testing.pipeline_threads import arithmetic_pipeline

PERSON = {
    "type": "object",
    "properties": {"name": {"type": "string", "maxLength": 12}, "age": {"type": "integer", "maximum": 999}},
    "required": ["name", "age"],
    "additionalProperties": False,
}
SCHEMA = Grammar(kind="json_schema", text=json.dumps(PERSON))
EVERYTHING = range(EOS + 1)


@pytest.fixture(scope="module")
def one_stage() -> Generator[EngineThreads]:
    """An engine that may say any byte, and the end."""
    with arithmetic_pipeline(1, tokens=EVERYTHING).threads as threads:
        yield threads


@pytest.fixture(scope="module")
def two_stages() -> Generator[EngineThreads]:
    """The same over two stages."""
    with arithmetic_pipeline(2, tokens=EVERYTHING).threads as threads:
        yield threads


def ask(name: str = "r", grammar: Grammar | None = SCHEMA, **fields: object) -> Generate:
    defaults = {"prompt": TextPrompt(text="who?"), "sampling": Sampling(temperature=0), "max_tokens": 200}
    return Generate.model_validate({"request_id": RequestId(name), "grammar": grammar, **defaults, **fields})


def lark(text: str) -> Grammar:
    return Grammar(kind="lark", text=text)


def ids_of(answers: list[Answer], choice: int = 0) -> tuple[int, ...]:
    return tuple(chunk.token_id for chunk in chunks_of(answers, choice))


def test_an_answer_fits_its_schema_and_ends_by_itself(one_stage: EngineThreads) -> None:
    for seed in range(8):
        answers = one_stage.ask(ask(sampling=Sampling(temperature=1, seed=seed)))
        person = json.loads(text_of(answers))
        assert list(person) == ["name", "age"]
        assert chunks_of(answers)[-1].finish == "stop"
        assert chunks_of(answers)[-1].text.endswith("}")  # and no token was drawn for the end


def test_text_is_the_same_over_one_two_and_three_stages(one_stage: EngineThreads, two_stages: EngineThreads) -> None:
    with arithmetic_pipeline(3, tokens=EVERYTHING).threads as three_stages:
        pipelines = (one_stage, two_stages, three_stages)
        texts = [text_of(threads.ask(ask(sampling=Sampling(temperature=1, seed=4)))) for threads in pipelines]
    assert len(set(texts)) == 1


def test_constrained_and_free_answers_go_together_and_each_says_what_it_says_alone(
    one_stage: EngineThreads, two_stages: EngineThreads
) -> None:
    requests = [
        ask(str(number), SCHEMA if number % 2 else None, choices=2, sampling=Sampling(temperature=1, seed=number))
        for number in range(8)
    ]
    alone = [one_stage.ask(request) for request in requests]
    together = [list(answers) for answers in [two_stages.submit(request) for request in requests]]
    for one, other in zip(alone, together, strict=True):
        assert [ids_of(one, choice) for choice in (0, 1)] == [ids_of(other, choice) for choice in (0, 1)]


def test_an_answer_is_taken_up_again_after_every_token(one_stage: EngineThreads, two_stages: EngineThreads) -> None:
    whole = ids_of(one_stage.ask(ask()))
    for length in range(len(whole) + 1):
        answers = two_stages.ask(ask(attempt=1, delivered=(whole[:length],)))
        assert ids_of(answers) == (whole[length:] or whole[-1:])
        assert chunks_of(answers)[-1].finish == "stop"


def test_tokens_that_do_not_fit_cannot_have_been_delivered(one_stage: EngineThreads) -> None:
    (refused,) = one_stage.ask(ask(attempt=1, delivered=(tuple(b"no"),)))
    assert isinstance(refused, Refused)
    assert (refused.status, refused.code) == (400, "invalid_grammar")


def test_the_end_may_come_only_where_the_grammar_ends() -> None:
    letters = Grammar(kind="regex", text="a{3,5}")
    with arithmetic_pipeline(1, tokens=[EOS, 97]).threads as threads:
        texts = {text_of(threads.ask(ask(grammar=letters, sampling=Sampling(seed=seed)))) for seed in range(30)}
        assert texts == {"aaa", "aaaa", "aaaaa"}


@pytest.mark.parametrize("sampling", [Sampling(ignore_eos=True), Sampling(min_tokens=50)])
def test_a_complete_grammar_ends_the_answer_whatever_else_is_asked(
    one_stage: EngineThreads, sampling: Sampling
) -> None:
    answers = one_stage.ask(ask(grammar=Grammar(kind="regex", text="a{3}"), sampling=sampling))
    assert text_of(answers) == "aaa"
    assert chunks_of(answers)[-1].finish == "stop"


def test_limits_and_stop_strings_hold_as_ever(one_stage: EngineThreads) -> None:
    letters = Grammar(kind="regex", text="[a-c]{20}")
    whole = one_stage.ask(ask(grammar=letters))
    cut = one_stage.ask(ask(grammar=letters, max_tokens=7))
    stopped = one_stage.ask(ask(grammar=letters, stop=(text_of(whole)[9:12],)))
    assert chunks_of(cut)[-1].finish == "length"
    assert text_of(cut) == text_of(whole)[:7]
    assert chunks_of(stopped)[-1].finish == "stop"
    assert text_of(stopped) == text_of(whole)[: text_of(whole).index(text_of(whole)[9:12])]


def test_characters_of_several_tokens_are_whole(two_stages: EngineThreads) -> None:
    answers = two_stages.ask(ask(grammar=Grammar(kind="regex", text="(é|東|🦊){6}")))
    assert len(text_of(answers)) == 6
    assert set(text_of(answers)) <= set("é東🦊")


CALL = """
start: call* free
call: opening arguments ">"
arguments: %json {
  "type": "object", "properties": {"x": {"type": "boolean"}}, "required": ["x"], "additionalProperties": false
}
opening[lazy]: FREE "<<"
free: FREE
FREE: /(.|\\n)*/
"""


def test_text_is_free_until_a_trigger_and_then_held_to_a_schema() -> None:
    """The lazy form: what a model says before a call is its own; a call that it begins is a good one."""
    letters = '<ab>{}"x:truefals'
    calls, free = 0, set[str]()
    with arithmetic_pipeline(1, tokens=list(letters.encode())).threads as threads:
        for seed in range(20):
            text = text_of(threads.ask(ask(grammar=lark(CALL), sampling=Sampling(seed=seed), max_tokens=300)))
            before, *called = text.split("<<")
            free.update(before)
            for call in called:
                argument, end, after = call.partition(">")
                assert not end or isinstance(json.loads(argument)["x"], bool)
                free.update(after)
                calls += bool(end)
    assert calls >= 10
    assert free == set(letters)


@pytest.mark.parametrize(
    ("grammar", "word"),
    [
        (Grammar(kind="json_schema", text='{"not": {}}'), "'not'"),
        (Grammar(kind="json_schema", text='{"type": "array", "uniqueItems": true}'), "'uniqueItems'"),
        (Grammar(kind="json_schema", text="{"), "JSON"),
        (Grammar(kind="regex", text="(a"), "unclosed"),
        (Grammar(kind="regex", text="(?=a)b"), "look-ahead"),
        (Grammar(kind="lark", text="start: nothing"), "nothing"),
    ],
)
def test_what_cannot_be_compiled_is_refused_with_the_word_at_fault(
    one_stage: EngineThreads, grammar: Grammar, word: str
) -> None:
    for _ in range(2):  # the second time from memory
        (refused,) = one_stage.ask(ask(grammar=grammar))
        assert isinstance(refused, Refused)
        assert (refused.status, refused.code) == (400, "invalid_grammar")
        assert word in refused.message
    assert chunks_of(one_stage.ask(ask()))[-1].finish == "stop"


def test_a_grammar_that_turns_out_too_large_ends_its_answer_alone(one_stage: EngineThreads) -> None:
    """Among a thousand fields that may come next a step would compute for too long; that shows after `x` only."""
    fields = json.dumps({"type": "object", "properties": {f"field{n}": {"type": "null"} for n in range(1000)}})
    late = ask("late", lark(f'start: "x" %json {fields}'))
    beside = one_stage.submit(ask("beside"))
    failed = one_stage.ask(late)[-1]
    assert isinstance(failed, Failed)
    assert failed.code == "grammar_broken"
    assert "2000" in failed.message
    assert ids_of(list(beside)) == ids_of(one_stage.ask(ask()))


def test_a_grammar_holds_on_when_the_stages_start_over() -> None:
    """A step that is too large fails; all its sequences are opened anew, in the middle of their grammar."""
    requests = [ask(str(number), choices=4, sampling=Sampling(temperature=1, seed=number)) for number in range(2)]
    pipeline = arithmetic_pipeline(2, tokens=EVERYTHING)
    with pipeline.threads as threads:
        whole = [threads.ask(request) for request in requests]
        pipeline.stages[1].most_rows = 3
        heard = [list(answers) for answers in [threads.submit(request) for request in requests]]
    assert pipeline.stages[1].too_large
    for one, other in zip(whole, heard, strict=True):
        assert [ids_of(one, choice) for choice in range(4)] == [ids_of(other, choice) for choice in range(4)]


SLOW = Grammar(kind="json_schema", text='{"type": "integer", "multipleOf": 9999991}')


def test_grammars_wait_for_each_other_and_too_many_are_refused() -> None:
    """Meanwhile everybody else goes on; who gives up while one is compiled hears so at once."""
    with arithmetic_pipeline(1, tokens=EVERYTHING).threads as threads:
        slow = threads.submit(ask("slow", SLOW))
        given_up = threads.submit(ask("given up", SLOW))
        others = [
            threads.submit(ask(str(number), Grammar(kind="regex", text=f"{number}!")))
            for number in range(MOST_COMPILING)
        ]
        threads.engines[0].cancel(RequestId("given up"))
        assert [answer.status for answer in given_up if isinstance(answer, Refused)] == [499]
        assert chunks_of(threads.ask(ask("free", None)))[-1].finish
        (refused,) = others[-1]
        assert isinstance(refused, Refused)
        assert (refused.status, refused.code) == (429, "too_many_grammars")
        assert [text_of(list(answers)) for answers in others[:-1]] == [f"{n}!" for n in range(MOST_COMPILING - 1)]
        (too_slow,) = slow
        assert isinstance(too_slow, Refused)
        assert too_slow.status == 400


def slow(number: int) -> Grammar:
    """Another one each, that takes longer than it may."""
    return Grammar(kind="json_schema", text=json.dumps({"type": "integer", "multipleOf": 9999991 + 2 * number}))


def test_grammars_that_nobody_waits_for_any_more_are_in_nobodys_way() -> None:
    """Their clients have gone, so that others get theirs at once and not when all of those are over."""
    with arithmetic_pipeline(1, tokens=EVERYTHING).threads as threads:
        given_up = [threads.submit(ask(str(number), slow(number))) for number in range(MOST_COMPILING)]
        for number in range(MOST_COMPILING):
            threads.engines[0].cancel(RequestId(str(number)))
        refusals = [answer for answers in given_up for answer in answers if isinstance(answer, Refused)]
        assert [refused.status for refused in refusals] == [499] * MOST_COMPILING
        others = [
            threads.submit(ask(f"other {number}", Grammar(kind="regex", text=f"{number}!")))
            for number in range(MOST_COMPILING)
        ]
        assert [text_of(list(answers)) for answers in others] == [f"{number}!" for number in range(MOST_COMPILING)]


def test_a_grammar_that_is_wanted_again_is_compiled() -> None:
    """Whoever asks just after the others have given up gets an answer all the same."""
    with arithmetic_pipeline(1, tokens=EVERYTHING).threads as threads:
        for number in range(20):
            grammar = Grammar(kind="regex", text=f"{number}!")
            given_up = threads.submit(ask("given up", grammar))
            threads.engines[0].cancel(RequestId("given up"))
            assert text_of(threads.ask(ask("again", grammar))) == f"{number}!"
            assert list(given_up)
