"""The tables while they grow: in place on a terminal, once at the end elsewhere."""

from __future__ import annotations

from types import TracebackType
from typing import Self, final

from rich.console import Console, Group
from rich.live import Live
from rich.spinner import Spinner
from rich.text import Text

from exo_bench.report import Report
from exo_bench.tables import report_parts
from exo_core.cli.tables import plain


@final
class Display:
    """Shows a report from the moment it is entered; leaving it prints the last one for good."""

    def __init__(self, report: Report) -> None:
        self.report = report
        self._doing = ""
        self._console = Console(highlight=False)
        self._live = Live(console=self._console, transient=True, get_renderable=self._now, refresh_per_second=8)

    def __enter__(self) -> Self:
        if self._console.is_terminal:
            self._live.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, problem: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._live.stop()
        if self.report.prefill or self.report.load or self.report.skipped:
            for part in report_parts(self.report):
                self._console.print(part)

    def tell(self, doing: str) -> None:
        """What is going on."""
        self._doing = doing

    def _now(self) -> Group:
        return Group(*report_parts(self.report), Spinner("dots", Text(plain(self._doing), style="dim")))
