"""Plugins as a table."""

from __future__ import annotations

from typing import TypedDict

from rich.console import Console
from rich.text import Text

from exo_core import __version__
from exo_core.cli.tables import add_row, coloured, plain, table
from exo_core.plugins.manager import Plugins


class PluginRow(TypedDict):
    """One plugin."""

    name: str
    distribution: str
    version: str
    components: list[str]
    hooks: list[str]
    state: str
    reason: str


def plugin_rows(plugins: Plugins) -> list[PluginRow]:
    """Installed plugins, then the built-in ones."""
    components = _components(plugins)
    rows = [
        PluginRow(
            name=report.name,
            distribution=report.distribution,
            version=report.version,
            components=components.get(report.name, []),
            hooks=list(plugins.hooks_of(report.name)) if report.state == "loaded" else [],
            state=report.state,
            reason=report.reason,
        )
        for report in plugins.reports
    ]
    known = {row["name"] for row in rows}
    return rows + [
        PluginRow(
            name=name,
            distribution="exo-core",
            version=__version__,
            components=components.get(name, []),
            hooks=list(plugins.hooks_of(name)),
            state="built in",
            reason="",
        )
        for name in plugins.names
        if name not in known
    ]


def _components(plugins: Plugins) -> dict[str, list[str]]:
    """Plugin to `kind name` of all it registered."""
    registers = (
        plugins.transports(),
        plugins.backends(),
        plugins.sources(),
        plugins.event_logs(),
        plugins.discoveries(),
        plugins.services(),
    )
    found: dict[str, list[str]] = {}
    for register in registers:
        for name in plugins.names:
            found.setdefault(name, []).extend(f"{register.kind} {item}" for item in register.of_plugin(name))
    return found


def print_plugins(rows: list[PluginRow]) -> None:
    """One line per plugin, and below them why some failed."""
    shown = table("plugin", "distribution", "version", "state", "brings")
    for column in shown.columns[:-1]:
        column.no_wrap = True
    for row in rows:
        state = coloured("failed", "red") if row["state"] == "failed" else row["state"]
        add_row(shown, row["name"], row["distribution"], row["version"], state, ", ".join(_brings(row)))
    console = Console(highlight=False)
    console.print(shown)
    for row in rows:
        if row["state"] == "failed":
            console.print(Text.assemble((plain(row["name"]), "red"), f": {plain(row['reason'])}"), soft_wrap=True)


def _brings(row: PluginRow) -> list[str]:
    """Components, and hooks but those that do no more than register the components."""
    return [
        *row["components"],
        *(name for name in row["hooks"] if not name.startswith("exo_register_") or not row["components"]),
    ]
