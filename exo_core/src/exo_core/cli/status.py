"""`exo status`: nodes, links, instances and runners, as a table that a person can read."""

from __future__ import annotations

import json
from contextlib import suppress
from pathlib import Path

import click

from exo_core.cli.options import home_option, json_option


@click.command("status")
@home_option
@json_option
@click.option("--watch", is_flag=True, help="Show it again every second, until Ctrl-C.")
def command(home: Path, *, as_json: bool, watch: bool) -> None:
    """Nodes, links, instances and runners of the cluster, and how far each node's log is."""
    from exo_core.cli.node_access import with_node
    from exo_core.cli.status_tables import print_status

    if watch:
        from exo_core.cli.status_watch import watch_status

        with suppress(KeyboardInterrupt):  # it is the way to end it
            with_node(home, lambda node: watch_status(node, as_json=as_json))
        return
    document = with_node(home, lambda node: node.status())
    if as_json:
        click.echo(json.dumps(document, indent=2))
    else:
        print_status(document)
