"""`exo models`: the catalogue."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import click

from exo_core.cli.options import home_option, json_option

if TYPE_CHECKING:
    from exo_core.control_socket.operations import Operations


class ModelsGroup(click.Group):
    """The group `exo models`: `list` where no subcommand is named."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Put `list` in front when the first word is one of its options, or missing."""
        if not args or (args[0].startswith("-") and args[0] not in ctx.help_option_names):
            args = ["list", *args]
        return super().parse_args(ctx, args)


@click.group("models", cls=ModelsGroup)
def command() -> None:
    """List (without a further word), add and remove models."""


@command.command("list")
@home_option
@json_option
def list_models(home: Path, *, as_json: bool) -> None:
    """Models that can be placed."""
    from exo_core.cli.models_table import print_models
    from exo_core.cli.node_access import with_node

    models = with_node(home, lambda node: node.catalogue())
    if as_json:
        click.echo(json.dumps(models, indent=2))
    else:
        print_models(models)


@command.command("add")
@click.argument("model")
@click.option(
    "--adapter",
    type=click.Path(path_type=Path, file_okay=False),
    metavar="DIR",
    help="With this LoRA or DoRA adapter of mlx-lm, as a model of its own.",
)
@home_option
def add(model: str, adapter: Path | None, home: Path) -> None:
    """Enter MODEL into the catalogue: resolve it and read its card."""
    from exo_core.cli.commands import accepted
    from exo_core.cli.loading import working_on
    from exo_core.cli.node_access import with_node
    from exo_core.model_names import model_named

    if adapter is not None:
        model = with_node(home, lambda node: _adapted(node, model, adapter, home))
    with working_on(f"reading {model}"):
        accepted(with_node(home, lambda node: node.add_model(model_named(model))))
    click.echo(f"added {model_named(model)}")


async def _adapted(node: Operations, model: str, adapter: Path, home: Path) -> str:
    """The path of a folder that holds both."""
    from exo_core.cli.adapted_folder import adapted_folder
    from exo_core.errors import ModelError
    from exo_core.model_names import model_named
    from exo_core.node.home import Home

    base = await node.model_folder(model_named(model))
    folder = Path(base if isinstance(base, str) else model_named(model))
    if not folder.is_dir():
        message = f"{model} does not lie on this machine. Bring it here first: exo models download {model}"
        raise ModelError(message)
    models = Home(home.expanduser().absolute()).models
    return str(adapted_folder(Path(model).name, folder, adapter.expanduser().absolute(), models))


@command.command("remove")
@click.argument("model")
@home_option
def remove(model: str, home: Path) -> None:
    """Strike MODEL off the catalogue. Its files stay."""
    from exo_core.cli.node_access import with_node

    with_node(home, lambda node: _remove(node, model))
    click.echo(f"removed {model}")


async def _remove(node: Operations, model: str) -> None:
    from exo_core.cli.commands import accepted, new_id
    from exo_core.identifiers import CommandId
    from exo_core.model_names import model_named
    from exo_core.state.commands import RemoveModel

    accepted(await node.submit(RemoveModel(command_id=CommandId(new_id("c")), model_id=model_named(model))))


@command.command("alias")
@click.argument("name")
@click.argument("model", required=False)
@click.option("--remove", "is_removed", is_flag=True, help="Let NAME stand for nothing any more.")
@home_option
def alias(name: str, model: str | None, home: Path, *, is_removed: bool) -> None:
    """Let NAME stand for MODEL wherever a model is named: on every node, in `exo` and in requests."""
    from exo_core.cli.model_aliases import change_alias
    from exo_core.cli.node_access import with_node
    from exo_core.errors import WrongUsage

    if (model is None) is not is_removed:
        message = "say for which MODEL the name stands, or --remove"
        raise WrongUsage(message)
    click.echo(with_node(home, lambda node: change_alias(node, name, model)))


@command.command("path")
@click.argument("model")
@home_option
def path(model: str, home: Path) -> None:
    """Where MODEL lies on this machine."""
    from exo_core.cli.node_access import with_node
    from exo_core.errors import ModelError
    from exo_core.model_names import model_named

    folder = with_node(home, lambda node: node.model_folder(model_named(model)))
    if folder is None:
        message = (
            f"{model} is not known, or does not lie in a folder of this machine. See: exo models; to bring it here: "
            f"exo models download {model}"
        )
        raise ModelError(message)
    click.echo(folder)


@command.command("download")
@click.argument("model")
@home_option
@click.option("--nodes", metavar="A,B", help="To these nodes, by name or the beginning of their id. Default: this one.")
@click.option("--cancel", is_flag=True, help="Do not go on with it. What came stays.")
@click.option("--no-wait", is_flag=True, help="Return as soon as it has begun.")
def download(model: str, home: Path, *, nodes: str | None, cancel: bool, no_wait: bool) -> None:
    """Bring all of MODEL to the disk of this machine, or of others; `exo place` brings only what each computes with."""
    from exo_core.cli.node_access import with_node

    with_node(home, lambda node: _download(node, model, nodes, cancel=cancel, wait=not no_wait))


async def _download(node: Operations, model: str, nodes: str | None, *, cancel: bool, wait: bool) -> None:
    import asyncio

    from exo_core.cli.commands import node_ids
    from exo_core.cli.documents import as_object, as_text
    from exo_core.cli.downloading import download
    from exo_core.identifiers import NodeId
    from exo_core.model_names import model_named

    model_id = model_named(model)
    here = NodeId(as_text(as_object(await node.status()).get("node_id")))
    chosen = await node_ids(node, nodes.split(",")) if nodes else (here,)
    if cancel:
        for node_id in chosen:
            await node.cancel_download(model_id, node_id)
        click.echo(f"{model} is not fetched any further; what came stays")
        return
    try:
        names = await download(node, model_id, chosen, wait=wait)
    except asyncio.CancelledError:
        click.echo(f"it goes on in the background; to stop it: exo models download {model} --cancel", err=True)
        raise
    click.echo(f"{model} {'is' if wait else 'is on its way to be'} on {', '.join(names)}")
