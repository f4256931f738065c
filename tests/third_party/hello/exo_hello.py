"""A first plugin for exo: one more command."""

import click

from exo_core import hookimpl


@click.command()
def hello() -> None:
    """Say hello."""
    click.echo("hello from a plugin")


@hookimpl
def exo_register_commands(group: click.Group) -> None:
    """Add it to `exo`."""
    group.add_command(hello)
