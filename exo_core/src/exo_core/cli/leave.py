"""`exo leave`: this machine leaves its cluster."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING

import click

from exo_core.cli.options import home_option

if TYPE_CHECKING:
    from exo_core.control_socket.operations import Operations

POLL_S = 0.1
PATIENCE_S = 60.0


@click.command("leave")
@home_option
def command(home: Path) -> None:
    """This machine leaves its cluster for good, and its node stops. What it had there is kept aside."""
    from exo_core.cli.node_access import with_node

    with_node(home, _leave)
    _until_it_stopped(home)
    click.echo("this machine left its cluster. Join one: exo run --join CODE. Begin one: exo run")


async def _leave(node: Operations) -> None:
    from exo_core.cli.commands import accepted

    accepted(await node.leave())


def _until_it_stopped(home: Path) -> None:
    """So that `exo run` may be typed next."""
    from exo_core.errors import UserError
    from exo_core.node.home import Home

    deadline = time.monotonic() + PATIENCE_S
    while Home(home).is_locked:
        if time.monotonic() > deadline:
            message = "this machine left its cluster, but its node has not stopped yet. See: exo logs"
            raise UserError(message)
        time.sleep(POLL_S)
