"""The document of `/state` drawn as tables."""

from __future__ import annotations

from collections.abc import Iterator

from rich.console import Console, RenderableType
from rich.table import Table
from rich.text import Text

from exo_core.cli.documents import as_list, as_number, as_object, as_text, gigabytes, named_objects, objects
from exo_core.cli.tables import add_row, coloured, plain, table
from exo_core.frozen import JsonObject, JsonValue

COLORS = {"ready": "green", "busy": "green", "failed": "red", "waiting": "yellow", "dead": "red", "alive": "green"}

COUNTED = ("downloading", "loading", "warming_up")
"""What runners do that is shown in percent."""


def print_status(document: JsonValue) -> None:
    """Print every part of the cluster that there is something to say of."""
    console = Console(highlight=False)
    for part in status_parts(document):
        console.print(part)


def status_parts(document: JsonValue) -> Iterator[RenderableType]:
    """The parts, from the top."""
    state = as_object(document)
    yield _headline(state)
    yield from map(_problem, objects(state.get("problems")))
    yield _nodes(state)
    yield _logs(state)
    if as_list(state.get("links")):
        yield _links(state)
    if as_object(state.get("instances")):
        yield _instances(state)
        yield from _remarks(state)
    else:
        yield Text.assemble("No model is placed. Place one: ", ("exo place tiny", "bold"))


def _headline(state: JsonObject) -> Text:
    epoch, log = as_object(state.get("epoch")), as_object(state.get("log"))
    master = as_text(state.get("master"))
    return Text.assemble(
        "Cluster ",
        (as_text(state.get("cluster_id"))[:12], "bold"),
        " · master ",
        plain(_name(state, master)) if master else ("none at the moment", "yellow"),
        f" · term {as_number(epoch.get('term')):.0f} · log {as_number(log.get('length')):.0f} entries",
    )


def _problem(problem: JsonObject) -> Text:
    return coloured(f"! {as_text(problem.get('reason'))}", "yellow")


def _logs(state: JsonObject) -> Table:
    """What each node does and how far its log is."""
    logs = table("name", "role", "term", "log", "behind", "hash", title="\nThe log on each node")
    for _, node in named_objects(state.get("nodes")):
        place = as_object(node.get("log"))
        if not place:
            add_row(logs, as_text(node.get("name")), "not heard yet", "", "", "", "")
            continue
        alive = bool(node.get("alive"))
        add_row(
            logs,
            as_text(node.get("name")),
            _role(node) if alive else coloured("silent", "red"),
            *(f"{as_number(place.get(key)):.0f}" for key in ("term", "length", "lag")),
            as_text(place.get("hash"))[:8],
        )
    return logs


def _role(node: JsonObject) -> Text:
    role = as_text(node.get("role"))
    return coloured(f"{role}, stops soon", "yellow") if node.get("draining") else Text(plain(role))


def _name(state: JsonObject, node_id: str) -> str:
    return as_text(as_object(as_object(state.get("nodes")).get(node_id)).get("name")) or node_id[:8]


def _nodes(state: JsonObject) -> Table:
    here = _name(state, as_text(state.get("node_id")))
    nodes = table(
        "", "name", "id", "version", "free memory", "backends", "transports", title=f"\nNodes (this is {here})"
    )
    for node_id, node in named_objects(state.get("nodes")):
        alive, memory = bool(node.get("alive")), as_object(node.get("memory"))
        add_row(
            nodes,
            coloured("●", "green") if alive else coloured("○", "red"),
            as_text(node.get("name")),
            node_id[:8],
            as_text(node.get("version")),
            _free_of(memory) if alive else coloured(_silence(node), "red"),
            ", ".join(map(str, as_list(node.get("backends")))) or "none",
            ", ".join(map(str, as_list(node.get("transports")))) or "none",
        )
    return nodes


def _free_of(memory: JsonObject) -> str:
    free, total = gigabytes(memory.get("free")), gigabytes(memory.get("total"))
    unit = f" {total.split()[-1]}"
    return f"{free.removesuffix(unit)} of {total}"  # one line of 80 columns has room for one unit


def _silence(node: JsonObject) -> str:
    seconds = node.get("last_seen_s")
    return "not heard of" if seconds is None else f"silent for {as_number(seconds):.0f} s"


def _links(state: JsonObject) -> Table:
    links = table("between", "", "transport", "address", "round trip", title="\nLinks")
    for link in objects(state.get("links")):
        add_row(
            links,
            _name(state, as_text(link.get("a"))),
            _name(state, as_text(link.get("b"))),
            as_text(link.get("transport")),
            as_text(link.get("address")),
            "" if link.get("round_trip_ms") is None else f"{as_number(link.get('round_trip_ms')):.2f} ms",
        )
    return links


def _instances(state: JsonObject) -> Table:
    instances = table("instance", "model", "status", "layers", "node", "runner", title="\nInstances")
    runners = as_object(state.get("runners"))
    for instance_id, instance in named_objects(state.get("instances")):
        status, detail = as_text(instance.get("status")), as_text(instance.get("detail"))
        shown = _status(status)
        if detail and status != "ready":
            shown.append(f" {plain(detail)}", "default")
        shards = objects(instance.get("shards"))
        add_row(instances, instance_id, as_text(instance.get("model_id")), shown, "", "", "" if shards else "none")
        for shard in shards:
            runner = as_object(runners.get(as_text(shard.get("runner_id"))))
            layers = f"{as_number(shard.get('start_layer')):.0f}-{as_number(shard.get('end_layer')) - 1:.0f}"
            node = _name(state, as_text(shard.get("node_id")))
            add_row(instances, "", "", "", layers, node, _runner_status(runner))
    return instances


def _remarks(state: JsonObject) -> Iterator[Text]:
    """What ready runners say of themselves, as how a stage sends to the next one."""
    runners = as_object(state.get("runners"))
    for instance_id, instance in named_objects(state.get("instances")):
        for shard in objects(instance.get("shards")):
            runner = as_object(runners.get(as_text(shard.get("runner_id"))))
            said = as_text(runner.get("detail"))
            if said and runner.get("status") == "ready":
                node = _name(state, as_text(shard.get("node_id")))
                yield Text(plain(f"{instance_id} on {node} {said}"))


def _runner_status(runner: JsonObject) -> Text:
    """With how far it is, where that is counted."""
    status, total = as_text(runner.get("status")) or "unknown", as_number(runner.get("total"))
    shown = _status(status)
    return shown.append(f" {as_number(runner.get('done')) / total:.0%}") if total > 0 and status in COUNTED else shown


def _status(status: str) -> Text:
    return coloured(status, COLORS.get(status, "cyan"))
