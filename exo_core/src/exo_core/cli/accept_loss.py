"""`exo accept-loss`: go on with what is left of a damaged log when no machine with a sound one will come back."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from exo_core.cli.options import home_option

if TYPE_CHECKING:
    from exo_core.control_socket.operations import Operations


@click.command("accept-loss")
@click.option("--yes", is_flag=True, help="Do not ask.")
@home_option
def command(home: Path, *, yes: bool) -> None:
    """Go on with what this machine's damaged log still holds. Says what is lost, and asks first.

    Needed when every machine's log is damaged, or the others are gone for good: nobody leads then. One machine is
    enough, the one whose log goes furthest; the others restore their logs from it, and add what theirs still hold. In a
    cluster of consistency `majority` most machines must be told, and what was final behind the damage may come in
    another order.
    """
    from exo_core.cli.node_access import with_node

    lost, silent = with_node(home, _lost)
    click.echo(lost)
    if silent:
        click.echo(
            f"Not heard from: {', '.join(silent)}. If one of them can be started, do that first: it may have it all"
        )
    if not yes:
        click.confirm("Go on without what is lost?", abort=True)
    with_node(home, lambda node: node.accept_loss(lost))
    click.echo("this machine goes on with what its log holds. See: exo status")


async def _lost(node: Operations) -> tuple[str, list[str]]:
    """What is lost, and the machines that may have it."""
    from exo_core.cli.documents import as_object, as_text, named_objects

    nodes = named_objects(as_object(await node.status()).get("nodes"))
    silent = [as_text(item.get("name")) for _, item in nodes if item.get("alive") is not True]
    return await node.accept_loss(None), silent
