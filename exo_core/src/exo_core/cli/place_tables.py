"""What could be placed where, as a table."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Console

from exo_core.cli.documents import as_number, as_object, as_text, gigabytes, objects
from exo_core.cli.tables import add_row, coloured, table
from exo_core.frozen import JsonValue


def print_previews(status: JsonValue, previews: Sequence[JsonValue], model_id: str) -> None:
    """One line per stage of each possible placement, or the reason why there is none."""
    nodes = as_object(as_object(status).get("nodes"))
    shown = table("nodes", "stage", "layers", "node", "memory", title=f"Where {model_id} could be placed")
    for preview in previews:
        document = as_object(preview)
        asked = f"{as_number(document.get('min_nodes')):.0f}"
        error, memory = as_text(document.get("error")), as_object(document.get("memory_bytes"))
        if error:
            add_row(shown, asked, "", "", coloured(error, "yellow"), "")
        for shard in objects(as_object(document.get("placement")).get("shards")):
            node_id = as_text(shard.get("node_id"))
            add_row(
                shown,
                asked,
                f"{as_number(shard.get('stage')) + 1:.0f} of {as_number(shard.get('stages')):.0f}",
                f"{as_number(shard.get('start_layer')):.0f}-{as_number(shard.get('end_layer')) - 1:.0f}",
                as_text(as_object(nodes.get(node_id)).get("name")) or node_id[:8],
                gigabytes(memory.get(node_id)),
            )
            asked = ""
    Console(highlight=False).print(shown)
