"""`exo place`: have the cluster hold a model."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from exo_core.cli.options import home_option

if TYPE_CHECKING:
    from exo_core.control_socket.operations import Operations
    from exo_core.identifiers import ModelId


@click.command("place")
@click.argument("model")
@home_option
@click.option("--preview", is_flag=True, help="Show what could be placed where, and place nothing.")
@click.option("--parallel", type=click.Choice(["pipeline", "tensor", "auto"]), default="auto", show_default=True)
@click.option("--min-nodes", type=click.IntRange(1), default=1, show_default=True, help="Spread over at least so many.")
@click.option("--nodes", metavar="A,B", help="Only these nodes, by name or the beginning of their id.")
@click.option("--exact", is_flag=True, help="Not there yet.")
@click.option("--no-wait", is_flag=True, help="Return as soon as the wish is recorded.")
def command(
    model: str,
    home: Path,
    *,
    preview: bool,
    parallel: str,
    min_nodes: int,
    nodes: str | None,
    exact: bool,
    no_wait: bool,
) -> None:
    """Place MODEL (a name on the Hugging Face Hub, a path, or `tiny`) on the cluster and wait until it can answer."""
    from exo_core.cli.node_access import with_node
    from exo_core.errors import NotThereYet

    if parallel == "tensor" or exact:
        message = "`exo place --parallel tensor` is not there yet"
        if exact:
            message = (
                '`exo place --exact` is not there yet: start nodes by `exo run --exact`, or ask with "exact": true'
            )
        raise NotThereYet(message)
    if preview:
        with_node(home, lambda node: _preview(node, model))
    else:
        with_node(home, lambda node: _place(node, model, min_nodes=min_nodes, nodes=nodes, wait=not no_wait))


async def _preview(node: Operations, model: str) -> None:
    from exo_core.cli.place_tables import print_previews
    from exo_core.model_names import model_named

    model_id = model_named(model)
    print_previews(await node.status(), await node.previews(model_id), model_id)


async def _place(node: Operations, model: str, *, min_nodes: int, nodes: str | None, wait: bool) -> None:
    import asyncio

    from exo_core.cli.commands import accepted, new_id, node_ids
    from exo_core.cli.loading import show_loading, working_on
    from exo_core.identifiers import CommandId, InstanceId
    from exo_core.model_names import model_named
    from exo_core.placement import PlacementRequest
    from exo_core.state.commands import PlaceInstance

    model_id = model_named(model)
    if not await _is_added(node, model_id):  # else the catalogue's revision is placed, whatever the source has by now
        with working_on(f"reading {model}"):
            accepted(await node.add_model(model_id))
    chosen = await node_ids(node, nodes.split(",")) if nodes else ()
    request = PlacementRequest(
        instance_id=InstanceId(new_id("i")), model_id=model_id, min_nodes=min_nodes, nodes=chosen
    )
    accepted(await node.submit(PlaceInstance(command_id=CommandId(new_id("c")), request=request)))
    if wait:
        try:
            await show_loading(node, request.instance_id)
        except asyncio.CancelledError:
            click.echo(f"it goes on loading; to take it back: exo remove {request.instance_id}", err=True)
            raise
    click.echo(request.instance_id)


async def _is_added(node: Operations, model_id: ModelId) -> bool:
    from exo_core.cli.documents import objects

    return any(item.get("id") == model_id and item.get("added") is True for item in objects(await node.catalogue()))
