"""`exo run` at work: start the node, say where it can be reached, and stop it well on a signal."""

from __future__ import annotations

import asyncio
import signal

from rich.console import Console

from exo_core.node.assembly import running_node
from exo_core.node.node import Node
from exo_core.node.options import NodeOptions


async def serve(options: NodeOptions, *, quiet: bool) -> None:
    """Run until SIGINT or SIGTERM. A second signal ends the process at once."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    async with running_node(options) as node:
        if not quiet:
            _say_hello(node, options)
        await stop.wait()
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.remove_signal_handler(number)


def _say_hello(node: Node, options: NodeOptions) -> None:
    console = Console(stderr=True, highlight=False)
    console.print(f"[bold]exo {node.version}[/bold] · node {options.name} ({node.node_id[:8]})")
    for line in node.announcements:
        console.print(f"  {line}")
    for ticket in node.tickets:
        console.print(f"  peers reach it at   {ticket}")
    if options.http.enabled:
        host = "localhost" if options.http.host in ("127.0.0.1", "0.0.0.0", "::") else options.http.host  # noqa: S104  compared, not bound
        console.print(f"  API and status page http://{host}:{options.http.port}")
    console.print("  another machine joins by the code of: [bold]exo invite[/bold]")
    console.print("  Ctrl-C stops it")
