"""`exo log`: the event log, a line per event."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import click

from exo_core.cli.options import home_option, json_option

if TYPE_CHECKING:
    from exo_core.control_socket.operations import Operations
    from exo_core.frozen import JsonValue


@click.command("log")
@home_option
@json_option
@click.option("--after", type=click.IntRange(0), default=0, help="Only events after this index.")
@click.option("-f", "--follow", is_flag=True, help="Go on as more happens.")
def command(home: Path, *, as_json: bool, after: int, follow: bool) -> None:
    """Everything that the cluster agreed on, in order."""
    from exo_core.cli.node_access import with_node

    with_node(home, lambda node: _print(node, after, follow=follow, as_json=as_json))


async def _print(node: Operations, after: int, *, follow: bool, as_json: bool) -> None:
    async for document in node.events(after, follow=follow):
        click.echo(json.dumps(document) if as_json else _line(document))


def _line(document: JsonValue) -> str:
    from exo_core.cli.documents import as_number, as_object, as_text

    entry = as_object(document)
    event = dict(as_object(entry.get("event")))
    kind = as_text(event.pop("type", "")) or "(an event of a newer version)"
    epoch = as_object(entry.get("epoch"))
    subject = " ".join(f"{name}={_short(value)}" for name, value in event.items())
    return f"{as_number(entry.get('index')):>6.0f}  term {as_number(epoch.get('term')):.0f}  {kind:<20} {subject}"


def _short(value: JsonValue) -> str:
    text = value if isinstance(value, str) else json.dumps(value, separators=(",", ":"))
    return text if len(text) <= 60 else text[:57] + "..."
