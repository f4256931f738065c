"""One `exo bench`: from a person's words to a table and a file."""

from __future__ import annotations

import random
from collections.abc import Generator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import click

from exo_bench.chat_server import ChatServer, ServerError
from exo_bench.display import Display
from exo_bench.measuring import Figure, Plan, Skipped, measure
from exo_bench.prompts import PromptCost, RequestMaker, chat_request, measured_cost
from exo_bench.report import PrefillFigure, Report
from exo_bench.subject import Subject, chosen_model, subject, url_of_node
from exo_core import __version__
from exo_core.model_names import model_named


def run(model: str | None, plan: Plan, *, home: Path, url: str | None, key: str | None, json_file: Path | None) -> None:
    """Measure, show, write. Raises `UserError`; Ctrl-C shows and writes what was measured, and aborts."""
    server = ChatServer(url or url_of_node(home), key)
    named = model if url is not None or model is None else model_named(model)  # a path is one of this machine
    chosen = chosen_model(server, named)
    unknown = Subject(model=chosen, stages=None, context=None)
    with Display(new_report(server, unknown, plan)) as display, _written(display, json_file):
        display.tell(f"waiting until {chosen} answers")
        cost = warmed_up(server, chosen, plan.seed)
        about = subject(server, chosen)
        plan = plan.within(about.context)
        display.report = new_report(server, about, plan)
        for figure in measure(server, RequestMaker(chosen, cost, plan.seed), plan, about.context, display.tell):
            display.report = with_figure(display.report, figure)
        display.report = display.report.model_copy(update={"complete": True})


def warmed_up(server: ChatServer, model: str, seed: int) -> PromptCost:
    """Have the model placed and every part of it run once; what a prompt costs is found meanwhile."""
    drawing = random.Random(~seed)  # noqa: S311 — prompts are no secret
    return measured_cost(drawing, lambda text: server.ask(chat_request(model, text, 2)).prompt_tokens)


def new_report(server: ChatServer, about: Subject, plan: Plan) -> Report:
    """Nothing measured yet."""
    return Report(
        exo_version=__version__,
        started=datetime.now(UTC).isoformat(timespec="seconds"),
        url=server.url,
        model=about.model,
        instances=None if about.stages is None else len(about.stages),
        stages=about.stages or (),
        context=about.context,
        tokens=plan.tokens,
        seed=plan.seed,
    )


def with_figure(report: Report, figure: Figure) -> Report:
    """The report with one more."""
    if isinstance(figure, Skipped):
        return report.model_copy(update={"skipped": (*report.skipped, figure.reason)})
    if isinstance(figure, PrefillFigure):
        return report.model_copy(update={"prefill": (*report.prefill, figure)})
    return report.model_copy(update={"load": (*report.load, figure)})


@contextmanager
def _written(display: Display, json_file: Path | None) -> Generator[None]:
    """However it ends: the report says how, and is written."""
    try:
        if json_file is not None:
            json_file.touch()  # what cannot be written is told now, rather than after minutes of measuring
        yield
    except KeyboardInterrupt:
        display.report = display.report.model_copy(update={"problem": "interrupted"})
        raise click.Abort from None
    except ServerError as problem:
        display.report = display.report.model_copy(update={"problem": str(problem)})
        raise
    finally:
        if json_file is not None:
            json_file.write_text(display.report.model_dump_json(indent=2) + "\n")
