"""The catalogue as a table."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Console

from exo_core.cli.documents import as_list, as_number, as_object, as_text, gigabytes
from exo_core.cli.tables import add_row, coloured, table
from exo_core.frozen import JsonObject, JsonValue


def print_models(models: Sequence[JsonValue]) -> None:
    """One line per model."""
    shown = table("model", "weights", "context", "architecture", "splits")
    shown.columns[0].no_wrap = True  # an id that is cut in two cannot be copied
    for item in models:
        document = as_object(item)
        name = _with_aliases(document)
        card = as_object(document.get("card"))
        if not card:
            add_row(shown, name, "", "", coloured("on this disk", "dim"), "")
            continue
        reasons = [as_text(as_object(cut).get("reason")) for cut in as_list(card.get("forbidden_cuts"))]
        add_row(
            shown,
            name,
            gigabytes(document.get("bytes")),
            f"{as_number(card.get('context')):.0f}",
            as_text(card.get("architecture")),
            "yes" if as_list(card.get("cut_points")) else f"no: {'; '.join(reasons)}",
        )
    Console(highlight=False).print(shown)


def _with_aliases(document: JsonObject) -> str:
    names = ", ".join(as_text(name) for name in as_list(document.get("aliases")))
    model_id = as_text(document.get("id"))
    return f"{model_id} = {names}" if names else model_id
