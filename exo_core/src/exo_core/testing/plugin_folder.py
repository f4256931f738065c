"""Plugins for one process only: a folder that Python takes for an installed distribution.

environment = with_plugins(tmp_path / "plugins", {"echo": "exo_core.testing.echo_plugin"})
NodeProcess(home, "alpha", "--backend", "echo", environment=environment)
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from exo_core.plugins.loader import GROUP

DISTRIBUTION = "exo-test-plugins"


def with_plugins(folder: Path, modules: Mapping[str, str]) -> dict[str, str]:
    """Variables with which a process finds these plugins (their entry modules, by name) beside what is installed."""
    information = folder / f"{DISTRIBUTION.replace('-', '_')}-0.dist-info"
    information.mkdir(parents=True)
    (information / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {DISTRIBUTION}\nVersion: 0\n")
    entries = "".join(f"{name} = {module}\n" for name, module in sorted(modules.items()))
    (information / "entry_points.txt").write_text(f"[{GROUP}]\n{entries}")
    return {"PYTHONPATH": os.pathsep.join(filter(None, (str(folder), os.environ.get("PYTHONPATH"))))}
