"""`exo logs`: what the node wrote."""

from __future__ import annotations

import time
from contextlib import suppress
from pathlib import Path

import click

from exo_core.cli.options import home_option

LINES_SHOWN = 50
POLL_S = 0.25


@click.command("logs")
@home_option
@click.option("-f", "--follow", is_flag=True, help="Go on as more is written.")
@click.option("-n", "--lines", type=click.IntRange(0), default=LINES_SHOWN, show_default=True)
def command(home: Path, *, follow: bool, lines: int) -> None:
    """Print the end of the node's log file."""
    from exo_core.errors import UserError
    from exo_core.node.home import Home

    path = Home(home).node_log
    if not path.is_file():
        message = f"no node has written to {path} yet. Start one: exo run"
        raise UserError(message)
    with path.open(encoding="utf-8", errors="replace") as log:
        for line in log.readlines()[-lines:] if lines else ():
            click.echo(line, nl=False)
        with suppress(KeyboardInterrupt):  # it is the way to end it
            while follow:
                _print_or_wait(log.readline())


def _print_or_wait(line: str) -> None:
    if line:
        click.echo(line, nl=False)
    else:
        time.sleep(POLL_S)
