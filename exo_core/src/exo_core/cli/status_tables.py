"""The document of `/state` drawn as tables."""

from __future__ import annotations

from rich.console import Console
from rich.table import Table

from exo_core.cli.documents import as_list, as_number, as_object, as_text, gigabytes, named_objects, objects
from exo_core.frozen import JsonObject, JsonValue

COLORS = {"ready": "green", "busy": "green", "failed": "red", "waiting": "yellow", "dead": "red", "alive": "green"}


def print_status(document: JsonValue) -> None:
    """Print every part of the cluster that there is something to say of."""
    state, console = as_object(document), Console(highlight=False)
    console.print(_headline(state))
    console.print(_nodes(state))
    if as_list(state.get("links")):
        console.print(_links(state))
    if as_object(state.get("instances")):
        console.print(_instances(state))
    else:
        console.print("No model is placed. Place one: [bold]exo place tiny[/bold]")


def _headline(state: JsonObject) -> str:
    epoch, log = as_object(state.get("epoch")), as_object(state.get("log"))
    master = as_text(state.get("master"))
    master_name = _name(state, master) if master else "[yellow]none at the moment[/yellow]"
    return (
        f"Cluster [bold]{as_text(state.get('cluster_id'))[:12]}[/bold] · master {master_name} "
        f"· term {as_number(epoch.get('term')):.0f} · log {as_number(log.get('length')):.0f} entries"
    )


def _name(state: JsonObject, node_id: str) -> str:
    return as_text(as_object(as_object(state.get("nodes")).get(node_id)).get("name")) or node_id[:8]


def _table(title: str, *columns: str) -> Table:
    table = Table(title=title, title_justify="left", title_style="bold", box=None, padding=(0, 2, 0, 0))
    for column in columns:
        table.add_column(column, header_style="dim")
    return table


def _nodes(state: JsonObject) -> Table:
    table = _table("\nNodes", "", "name", "id", "version", "memory free / total", "backends", "transports")
    for node_id, node in named_objects(state.get("nodes")):
        alive, memory = bool(node.get("alive")), as_object(node.get("memory"))
        table.add_row(
            "[green]●[/green]" if alive else "[red]○[/red]",
            as_text(node.get("name")) + (" (this machine)" if node_id == state.get("node_id") else ""),
            node_id[:8],
            as_text(node.get("version")),
            f"{gigabytes(memory.get('free'))} / {gigabytes(memory.get('total'))}" if alive else _silence(node),
            ", ".join(map(str, as_list(node.get("backends")))) or "none",
            ", ".join(map(str, as_list(node.get("transports")))) or "none",
        )
    return table


def _silence(node: JsonObject) -> str:
    seconds = node.get("last_seen_s")
    return "[red]not heard of[/red]" if seconds is None else f"[red]silent for {as_number(seconds):.0f} s[/red]"


def _links(state: JsonObject) -> Table:
    table = _table("\nLinks", "between", "", "transport", "address", "round trip")
    for link in objects(state.get("links")):
        table.add_row(
            _name(state, as_text(link.get("a"))),
            _name(state, as_text(link.get("b"))),
            as_text(link.get("transport")),
            as_text(link.get("address")),
            "" if link.get("round_trip_ms") is None else f"{as_number(link.get('round_trip_ms')):.2f} ms",
        )
    return table


def _instances(state: JsonObject) -> Table:
    table = _table("\nInstances", "instance", "model", "status", "layers", "node", "runner")
    runners = as_object(state.get("runners"))
    for instance_id, instance in named_objects(state.get("instances")):
        status = as_text(instance.get("status"))
        detail = as_text(instance.get("detail"))
        shown = f"[{COLORS.get(status, 'cyan')}]{status}[/]" + (f" {detail}" if detail and status != "ready" else "")
        shards = objects(instance.get("shards"))
        table.add_row(instance_id, as_text(instance.get("model_id")), shown, "", "", "" if shards else "none")
        for shard in shards:
            runner = as_object(runners.get(as_text(shard.get("runner_id"))))
            state_of_runner = as_text(runner.get("status")) or "unknown"
            table.add_row(
                "",
                "",
                "",
                f"{as_number(shard.get('start_layer')):.0f}-{as_number(shard.get('end_layer')) - 1:.0f}",
                _name(state, as_text(shard.get("node_id"))),
                f"[{COLORS.get(state_of_runner, 'cyan')}]{state_of_runner}[/]",
            )
    return table
