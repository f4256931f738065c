"""`exo plugins`: what is installed, what it brings, and why it failed."""

from __future__ import annotations

import json

import click

from exo_core.cli.options import json_option


@click.command("plugins")
@json_option
def command(*, as_json: bool) -> None:
    """The installed plugins and what became of each."""
    from exo_core.cli import load_plugins
    from exo_core.cli.plugins_table import plugin_rows, print_plugins

    rows = plugin_rows(load_plugins())
    if as_json:
        click.echo(json.dumps(rows, indent=2))
    else:
        print_plugins(rows)
