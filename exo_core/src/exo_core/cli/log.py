"""`exo log`: the event log, a line per event."""

from __future__ import annotations

import json
from contextlib import nullcontext, suppress
from pathlib import Path
from typing import TYPE_CHECKING

import click

from exo_core.cli.options import home_option, json_option

if TYPE_CHECKING:
    from exo_core.control_socket.operations import Operations


@click.command("log")
@home_option
@json_option
@click.option("--after", type=click.IntRange(0), default=0, help="Only events after this index.")
@click.option("-f", "--follow", is_flag=True, help="Go on as more happens.")
def command(home: Path, *, as_json: bool, after: int, follow: bool) -> None:
    """Everything that the cluster agreed on, in order; with -f also what is taken back when two histories merge."""
    from exo_core.cli.node_access import with_node

    with suppress(KeyboardInterrupt) if follow else nullcontext():  # it is the way to end it
        with_node(home, lambda node: _print(node, after, follow=follow, as_json=as_json))


async def _print(node: Operations, after: int, *, follow: bool, as_json: bool) -> None:
    from exo_core.cli.log_lines import line_of

    async for document in node.events(after, follow=follow):
        click.echo(json.dumps(document) if as_json else line_of(document))
