"""`exo run` at work: start the node, say where it can be reached, and stop it well on a signal.

| signal | what follows                                                                              |
|--------|-------------------------------------------------------------------------------------------|
| first  | no new work; what runs gets the seconds of `--drain` (none unless told), then it stops    |
| second | while it drains: it stops now. Else the process ends at once                              |
| third  | the process ends at once                                                                  |
"""

from __future__ import annotations

import asyncio
from urllib.parse import urlsplit

import click
from rich.console import Console
from rich.text import Text

from exo_core.cli.stop_signals import end_at_next_signal, on_next_signal
from exo_core.cli.tables import plain
from exo_core.errors import UserError
from exo_core.loop_failures import log_without_words
from exo_core.node.departures import Departure
from exo_core.node.garbage import collect_less_garbage
from exo_core.node.home import Home
from exo_core.node.node import Node
from exo_core.node.open_files import allow_many_open_files
from exo_core.node.options import NodeOptions
from exo_core.node.running import running_node


async def serve(options: NodeOptions, *, quiet: bool) -> None:
    """Run until SIGINT or SIGTERM, which also end a start that takes long."""
    allow_many_open_files()
    log_without_words()
    started, stop = asyncio.Event(), asyncio.Event()
    running = asyncio.ensure_future(_run_until(stop, started, options, quiet=quiet))

    def told() -> None:
        stop.set()
        if not started.is_set():
            running.cancel()

    on_next_signal(told)
    try:
        await running
    except asyncio.CancelledError:
        if not stop.is_set():
            raise


async def _run_until(stop: asyncio.Event, started: asyncio.Event, options: NodeOptions, *, quiet: bool) -> None:
    async with running_node(options, carry=_show_answer) as node:
        collect_less_garbage()
        started.set()
        if not quiet:
            _say_hello(node, options)
        departed = await _until_departed(node, stop)
        if departed is None and options.drain_s:
            await _drain(node, options.drain_s, quiet=quiet)
    if departed is None:
        return
    if departed.how == "left":
        click.echo(f"{options.name} left its cluster. {_what_next(node)}", err=True)
    else:
        raise UserError(departed.reason if departed.how == "copied" else f"{departed.reason}. {_what_next(node)}")


def _show_answer(text: str) -> None:
    """On stdout, alone: what a person or a program has to bring to the inviter."""
    click.echo("Paste this where `exo invite --by-hand` waits for it (Ctrl-C stops here):", err=True)
    click.echo(text)


async def _until_departed(node: Node, stop: asyncio.Event) -> Departure | None:
    """Wait for either; None when it was told to stop."""
    departed, told = asyncio.ensure_future(node.departed()), asyncio.ensure_future(stop.wait())
    try:
        await asyncio.wait((departed, told), return_when=asyncio.FIRST_COMPLETED)
        return departed.result() if departed.done() else None
    finally:
        departed.cancel()
        told.cancel()


async def _drain(node: Node, seconds: float, *, quiet: bool) -> None:
    """Take no new work, and let what runs come to its end; for so long, or until the next signal."""
    hurry = asyncio.Event()
    on_next_signal(hurry.set)
    if not quiet:
        click.echo(f"no new requests; those that run have {seconds:g} s. Ctrl-C again stops now", err=True)
    tasks = [asyncio.ensure_future(work) for work in (node.drain(seconds), hurry.wait())]
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        end_at_next_signal()
        for task in tasks:
            task.cancel()


def _what_next(node: Node) -> str:
    kept = Home(node.home).aside(node.cluster_id, node.node_id)
    return f"What it had is kept in {kept}. Join again with a code of `exo invite`: exo run --join CODE. Alone: exo run"


def _for_here(url: str) -> str:
    """As a person types it on this machine."""
    address = urlsplit(url)
    here = address.hostname in ("127.0.0.1", "0.0.0.0", "::")  # noqa: S104  compared, not bound
    return f"{address.scheme}://localhost:{address.port}" if here else url


def _say_hello(node: Node, options: NodeOptions) -> None:
    console = Console(stderr=True, highlight=False)
    console.print(Text.assemble((f"exo {node.version}", "bold"), f" · node {plain(options.name)} ({node.node_id[:8]})"))
    lines = [*node.announcements, *(f"peers reach it at   {ticket}" for ticket in node.tickets)]
    lines += [f"API and status page {_for_here(url)}" for url in node.urls]
    for line in lines:
        console.print(Text(f"  {plain(line)}"), soft_wrap=True)
    console.print("  another machine joins by the code of: [bold]exo invite[/bold]")
    console.print("  Ctrl-C stops it")
