"""Plugins that come with the core. They register like any other, are asked last, and can be blocked by name.

Their modules, like every plugin's entry module, import nothing heavy: `exo --help` loads them all.
"""

from __future__ import annotations

import importlib
from types import ModuleType

NAMES = {
    "default_placement": "default_placement",
    "election_priority": "election_priority",
    "event_logs": "event_logs",
    "folder": "folder_source",
    "machine": "machine_facts",
    "peers": "peers_source",
}
"""Plugin name to module."""


def built_in_plugins() -> dict[str, ModuleType]:
    """Every built-in plugin by name."""
    return {name: importlib.import_module(f"{__name__}.{module}") for name, module in NAMES.items()}
