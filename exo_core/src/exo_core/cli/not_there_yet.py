"""Commands that are promised and not built: each says so in one line."""

from __future__ import annotations

import click

from exo_core.errors import NotThereYet


def command_named(name: str) -> click.Command:
    """A command that takes anything and refuses."""

    def refuse(arguments: tuple[str, ...]) -> None:
        del arguments
        message = f"`exo {name}` is not there yet in this version"
        raise NotThereYet(message)

    from exo_core.cli import COMMANDS

    return click.Command(
        name,
        callback=refuse,
        params=[click.Argument(["arguments"], nargs=-1, type=click.UNPROCESSED)],
        help=f"{COMMANDS[name][1]} Not there yet.",
        context_settings={"ignore_unknown_options": True},
    )
