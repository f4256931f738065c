"""`exo remove`: end an instance."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from exo_core.cli.options import home_option

if TYPE_CHECKING:
    from exo_core.control_socket.operations import Operations


@click.command("remove")
@click.argument("instance")
@home_option
def command(instance: str, home: Path) -> None:
    """Remove INSTANCE, as `exo status` names it (or a model's name, when it has one instance)."""
    from exo_core.cli.node_access import with_node

    click.echo(f"removed {with_node(home, lambda node: _remove(node, instance))}")


async def _remove(node: Operations, word: str) -> str:
    from exo_core.cli.commands import accepted, new_id
    from exo_core.cli.documents import as_object, as_text, named_objects
    from exo_core.errors import UserError
    from exo_core.identifiers import CommandId, InstanceId
    from exo_core.state.commands import DeleteInstance

    instances = named_objects(as_object(await node.status()).get("instances"))
    found = [name for name, item in instances if word in (name, as_text(item.get("model_id")))]
    if len(found) != 1:
        names = ", ".join(name for name, _ in instances) or "none"
        message = f"{'no' if not found else 'more than one'} instance '{word}'. There are: {names}"
        raise UserError(message)
    deletion = DeleteInstance(command_id=CommandId(new_id("c")), instance_id=InstanceId(found[0]))
    accepted(await node.submit(deletion))
    return found[0]
