"""The catalogue as a table."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Console
from rich.table import Table

from exo_core.cli.documents import as_list, as_number, as_object, as_text, gigabytes
from exo_core.frozen import JsonValue


def print_models(models: Sequence[JsonValue]) -> None:
    """One line per model."""
    table = Table(box=None, padding=(0, 2, 0, 0))
    for column in ("model", "architecture", "layers", "weights", "context", "can be split"):
        table.add_column(column, header_style="dim")
    for item in models:
        document = as_object(item)
        card = as_object(document.get("card"))
        if not card:
            table.add_row(as_text(document.get("id")), "[dim]place it, or: exo models add[/dim]", "", "", "", "")
            continue
        reasons = [as_text(as_object(cut).get("reason")) for cut in as_list(card.get("forbidden_cuts"))]
        table.add_row(
            as_text(document.get("id")),
            as_text(card.get("architecture")),
            f"{as_number(card.get('layers')):.0f}",
            gigabytes(document.get("bytes")),
            f"{as_number(card.get('context')):.0f}",
            "yes" if as_list(card.get("cut_points")) else f"no: {'; '.join(reasons)}",
        )
    Console(highlight=False).print(table)
