"""Having a real node give its cluster commands: it must run with the plugin `command_flood` of this folder."""

from __future__ import annotations

import json

from exo_core.frozen import Frozen
from exo_core.testing.node_process import NodeProcess, eventually

PLUGIN = {"command_flood": "exo_core.testing.reliability.command_flood"}
"""For `with_plugins`."""


class Flooded(Frozen):
    """What came of it: seconds until each command was acknowledged, seconds in all, entries that the log got."""

    times: tuple[float, ...]
    took: float
    events: int


def begin_flood(node: NodeProcess, *, seconds: float, at_once: int, pause: float = 0.0) -> None:
    """Have a node give commands for some seconds, so many at once, each `pause` seconds after the one before."""
    (node.home / "flooded.json").unlink(missing_ok=True)
    (node.home / "flood.json").write_text(json.dumps({"seconds": seconds, "at_once": at_once, "pause": pause}))


def flood(node: NodeProcess, *, seconds: float, at_once: int) -> Flooded:
    """The same, and wait for what came of it. Raises `AssertionError` when it does not end."""
    begin_flood(node, seconds=seconds, at_once=at_once)
    result = node.home / "flooded.json"
    eventually(result.exists, "the flood ends", seconds=seconds + 120)
    return Flooded.model_validate_json(result.read_bytes())
