"""`exo status`: nodes, links, instances and runners, as a table that a person can read."""

from __future__ import annotations

import json
from pathlib import Path

import click

from exo_core.cli.options import home_option, json_option


@click.command("status")
@home_option
@json_option
@click.option("--watch", is_flag=True, help="Not there yet.")
def command(home: Path, *, as_json: bool, watch: bool) -> None:
    """Nodes, links, instances and runners of the cluster."""
    from exo_core.cli.node_access import with_node
    from exo_core.cli.status_tables import print_status
    from exo_core.errors import NotThereYet

    if watch:
        message = "`exo status --watch` is not there yet. Meanwhile: watch exo status"
        raise NotThereYet(message)
    document = with_node(home, lambda node: node.status())
    if as_json:
        click.echo(json.dumps(document, indent=2))
    else:
        print_status(document)
