"""`exo status --watch`: the same tables in place once a second; without a terminal one after the other."""

from __future__ import annotations

import asyncio
import json

import click
from rich.console import Console, Group
from rich.live import Live

from exo_core.cli.status_tables import print_status, status_parts
from exo_core.control_socket.operations import Operations

INTERVAL_S = 1.0


async def watch_status(node: Operations, *, as_json: bool) -> None:
    """For ever. Raises `UserError` when the node stops."""
    console = Console(highlight=False)
    if as_json:
        await _lines(node)
    elif console.is_terminal:
        await _in_place(node, console)
    else:
        await _pages(node)


async def _lines(node: Operations) -> None:
    """A JSON document a line."""
    while True:
        click.echo(json.dumps(await node.status()))
        await asyncio.sleep(INTERVAL_S)


async def _pages(node: Operations) -> None:
    while True:
        print_status(await node.status())
        click.echo("")
        await asyncio.sleep(INTERVAL_S)


async def _in_place(node: Operations, console: Console) -> None:
    with Live(console=console, auto_refresh=False, vertical_overflow="ellipsis") as live:
        while True:
            live.update(Group(*status_parts(await node.status())), refresh=True)
            await asyncio.sleep(INTERVAL_S)
