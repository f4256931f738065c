"""`exo forget`: strike off a machine that is gone for good."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from exo_core.cli.options import home_option

if TYPE_CHECKING:
    from exo_core.control_socket.operations import Operations


@click.command("forget")
@click.argument("node")
@home_option
def command(node: str, home: Path) -> None:
    """Strike off NODE, by name or the beginning of its id. It must not be alive; what it held is placed elsewhere."""
    from exo_core.cli.node_access import with_node

    click.echo(f"{with_node(home, lambda running: _forget(running, node))} is struck off. It is refused from now on")


async def _forget(running: Operations, word: str) -> str:
    from exo_core.cli.commands import accepted, new_id, node_ids
    from exo_core.cli.documents import as_object, as_text
    from exo_core.identifiers import CommandId
    from exo_core.state.commands import ForgetNode

    nodes = as_object(as_object(await running.status()).get("nodes"))
    (node_id,) = await node_ids(running, [word])
    accepted(await running.submit(ForgetNode(command_id=CommandId(new_id("c")), node_id=node_id)))
    return f"{as_text(as_object(nodes.get(node_id)).get('name'))} ({node_id[:8]})"
