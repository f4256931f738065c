"""The report as tables."""

from __future__ import annotations

from collections.abc import Iterator

from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

from exo_bench.percentiles import percentile
from exo_bench.report import LoadFigure, PrefillFigure, Report
from exo_core.cli.tables import add_row, coloured, plain, table


def report_parts(report: Report) -> Iterator[RenderableType]:
    """The parts, from the top."""
    yield _headline(report)
    if report.prefill:
        yield _prefill_table(report.prefill)
    if report.load:
        yield _load_table(report.load, report.tokens)
    for reason in report.skipped:
        yield coloured(f"left out: {reason}", "yellow")


def _headline(report: Report) -> Text:
    stages = ", ".join(f"{count} {'stage' if count == 1 else 'stages'}" for count in report.stages)
    return Text.assemble((plain(report.model), "bold"), f" at {plain(report.url)}", f" · {stages}" if stages else "")


def _prefill_table(figures: tuple[PrefillFigure, ...]) -> Table:
    made = table("tokens", "tokens/s", "first token", "slowest", title="Prompts, one at a time")
    for figure in figures:
        median = percentile(figure.first_token_s, 50)
        add_row(
            made,
            str(figure.prompt_tokens),
            speed(figure.tokens_per_s),
            milliseconds(1000 * median),
            milliseconds(1000 * max(figure.first_token_s)),
        )
    return made


def _load_table(figures: tuple[LoadFigure, ...], tokens: int) -> Table:
    columns = ("streams", "total/s", "decode/s", "a stream/s", "first p50", "first p99", "gap p50", "gap p99")
    made = table(*columns, title=f"Answers of {tokens} tokens at once, in tokens/s")
    for figure in figures:
        add_row(
            made,
            str(figure.concurrency),
            speed(figure.total_tokens_per_s),
            "" if figure.decode_tokens_per_s is None else speed(figure.decode_tokens_per_s),
            speed(figure.stream_tokens_per_s),
            milliseconds(figure.first_token_ms.p50),
            milliseconds(figure.first_token_ms.p99),
            milliseconds(figure.gap_ms.p50),
            milliseconds(figure.gap_ms.p99),
        )
    return made


def speed(tokens_per_s: float) -> str:
    """Three digits that matter."""
    return f"{tokens_per_s:.1f}" if tokens_per_s < 100 else f"{tokens_per_s:,.0f}"


def milliseconds(value: float) -> str:
    """For people: seconds from one second on."""
    if value >= 1000:
        return f"{value / 1000:.2f} s"
    return f"{value:.2f} ms" if value < 10 else f"{value:.0f} ms"
