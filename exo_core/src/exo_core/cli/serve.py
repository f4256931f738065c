"""`exo run` at work: start the node, say where it can be reached, and stop it well on a signal."""

from __future__ import annotations

import asyncio
from urllib.parse import urlsplit

from rich.console import Console
from rich.text import Text

from exo_core.cli.stop_signals import on_first_signal
from exo_core.cli.tables import plain
from exo_core.node.assembly import running_node
from exo_core.node.node import Node
from exo_core.node.options import NodeOptions


async def serve(options: NodeOptions, *, quiet: bool) -> None:
    """Run until SIGINT or SIGTERM, which also end a start that takes long. A second signal ends the process at once."""
    started, stop = asyncio.Event(), asyncio.Event()
    running = asyncio.ensure_future(_run_until(stop, started, options, quiet=quiet))

    def told() -> None:
        stop.set()
        if not started.is_set():
            running.cancel()

    on_first_signal(told)
    try:
        await running
    except asyncio.CancelledError:
        if not stop.is_set():
            raise


async def _run_until(stop: asyncio.Event, started: asyncio.Event, options: NodeOptions, *, quiet: bool) -> None:
    async with running_node(options) as node:
        started.set()
        if not quiet:
            _say_hello(node, options)
        await stop.wait()


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
