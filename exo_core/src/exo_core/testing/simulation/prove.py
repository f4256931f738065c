"""Many seeds over several processes: each runs its share and prints a line of JSON a run; here they are gathered."""

from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Callable

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from exo_core.testing.simulation.report import Report, Summary, summary_of
from exo_core.testing.simulation.simulate import MODES

MODULE = "exo_core.testing.simulation"


def prove(first: int, runs: int, processes: int) -> Summary:
    """`runs` runs from seed `first` on, half of them in each mode, with a progress bar. Raises `RuntimeError`."""
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True)) as progress:
        bar = progress.add_task("storms", total=runs)

        def arrived(report: Report) -> None:
            if report.violation is not None:
                progress.console.print(f"{report.violation}\n    {replay_command(report)}", markup=False)
            progress.advance(bar)

        return summary_of(run_all(first, runs // len(MODES), processes, arrived))


def run_all(first: int, seeds: int, processes: int, arrived: Callable[[Report], None] = lambda _: None) -> list[Report]:
    """Both modes of each seed, in the order of seeds. Raises `RuntimeError` when a process fails."""
    reports: list[Report] = []
    lock = threading.Lock()
    failed: list[int] = []

    def gather(number: int) -> None:
        command = [
            sys.executable,
            "-m",
            MODULE,
            "run",
            str(first + number),
            str(first + seeds),
            "--step",
            str(processes),
        ]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
            for line in process.stdout or ():
                report = Report.model_validate_json(line)
                with lock:
                    reports.append(report)
                    arrived(report)
        if process.returncode:
            failed.append(process.returncode)

    threads = [threading.Thread(target=gather, args=(number,)) for number in range(processes)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if failed:
        message = f"a process of the simulation ended with {failed[0]}"
        raise RuntimeError(message)
    return sorted(reports, key=lambda report: (report.seed, report.consistency))


def replay_command(report: Report) -> str:
    """What to type to see that run again."""
    faults = "" if report.faults else " --no-faults"
    return f"uv run python -m {MODULE} replay {report.seed} --{report.consistency}{faults}"
