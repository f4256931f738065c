"""From timed answers to the report, its table and its JSON."""

from __future__ import annotations

import io
import json

import pytest
from rich.console import Console

from exo_bench.chat_server import TimedAnswer
from exo_bench.figures import load_figure, prefill_figure
from exo_bench.measuring import Plan, Skipped
from exo_bench.report import Report
from exo_bench.session import with_figure
from exo_bench.tables import milliseconds, report_parts, speed


def answer(*arrivals: float, asked: float = 0.0, prompt: int = 10, cached: int = 0, tokens: int = 0) -> TimedAnswer:
    return TimedAnswer(
        asked=asked,
        arrivals=arrivals,
        prompt_tokens=prompt,
        cached_tokens=cached,
        completion_tokens=tokens or len(arrivals),
    )


def report() -> Report:
    return Report(
        exo_version="0.1.0",
        started="2026-01-01T00:00:00+00:00",
        url="http://127.0.0.1:1",
        model="tiny",
        instances=1,
        stages=(2,),
        context=1024,
        tokens=3,
        seed=0,
    )


def test_what_a_cache_had_is_no_prefill() -> None:
    figure = prefill_figure(100, [answer(0.5, prompt=100), answer(0.5, prompt=100, cached=50), answer(1, prompt=100)])
    assert figure.tokens_per_s == 100
    assert figure.cached == (0, 50, 0)
    assert figure.first_token_s == (0.5, 0.5, 1)


def test_total_speed_counts_from_the_request_to_the_last_token() -> None:
    figure = load_figure([answer(2, 3, 4, asked=1), answer(3, 4, 5, asked=1.5)])
    assert figure.concurrency == 2
    assert figure.completion_tokens == 6
    assert figure.seconds == 4
    assert figure.total_tokens_per_s == 1.5
    assert figure.stream_tokens_per_s == 1
    assert figure.first_token_ms.p50 == 1000
    assert figure.first_token_ms.p99 == 1500
    assert figure.gap_ms.maximum == 1000


def test_steady_speed_counts_only_while_every_stream_answers() -> None:
    early, late = answer(0, 1, 2, 3), answer(2, 2.5, 3, 3.5)
    assert load_figure([early, late]).decode_tokens_per_s == 3  # at 2.5 and 3 of one, at 3 of the other: within 1 s
    assert load_figure([answer(0, 1), answer(2, 3)]).decode_tokens_per_s is None


def test_tokens_that_came_together_are_all_counted() -> None:
    figure = load_figure([answer(0, 1, 2, tokens=6)])
    assert figure.decode_tokens_per_s == 2
    assert figure.total_tokens_per_s == 3


def test_the_table_shows_every_figure() -> None:
    made = with_figure(report(), prefill_figure(100, [answer(0.5, prompt=100)]))
    made = with_figure(made, load_figure([answer(0.002, 0.004, 0.006)]))
    made = with_figure(made, Skipped("prompts of 4096 tokens: too long"))
    console = Console(file=io.StringIO(), width=80)
    for part in report_parts(made):
        console.print(part)
    shown = console.file.getvalue() if isinstance(console.file, io.StringIO) else ""
    for text in ("tiny", "2 stages", "200", "500 ms", "2.00 ms", "left out: prompts of 4096 tokens: too long"):
        assert text in shown


def test_the_json_comes_back_as_the_same_report() -> None:
    made = with_figure(report(), load_figure([answer(2, 3, 4, asked=1)]))
    text = made.model_dump_json()
    assert Report.model_validate_json(text) == made
    assert json.loads(text)["format"] == "exo-bench/1"


def test_a_field_that_programs_read_is_not_renamed() -> None:
    schema = Report.model_json_schema()
    load = {
        "concurrency",
        "total_tokens_per_s",
        "decode_tokens_per_s",
        "stream_tokens_per_s",
        "first_token_ms",
        "gap_ms",
    }
    assert {"format", "model", "url", "complete", "problem", "skipped", "prefill", "load"} <= set(schema["properties"])
    assert {"prompt_tokens", "tokens_per_s", "first_token_s"} <= set(schema["$defs"]["PrefillFigure"]["properties"])
    assert load <= set(schema["$defs"]["LoadFigure"]["properties"])


def test_answers_fit_into_the_context() -> None:
    plan = Plan(prompt_lengths=(), concurrencies=(1,), tokens=500, repeat=1, seed=0)
    assert plan.within(None).tokens == plan.within(4096).tokens == 500
    assert plan.within(512).tokens == 384
    assert plan.within(16).tokens == 2


@pytest.mark.parametrize(("value", "shown"), [(0.5, "0.50 ms"), (9.99, "9.99 ms"), (123.4, "123 ms"), (1500, "1.50 s")])
def test_times_are_shown_in_a_unit_that_fits(value: float, shown: str) -> None:
    assert milliseconds(value) == shown


def test_speeds_are_shown_with_the_digits_that_matter() -> None:
    assert [speed(9.87), speed(1234.5)] == ["9.9", "1,234"]
