"""The entry point: what each hook answers. Whatever is heavy is imported when a hook is called."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from exo_core import hookimpl

if TYPE_CHECKING:
    from starlette.routing import BaseRoute

    from exo_core.frozen import JsonValue
    from exo_core.node_handle import NodeHandle
    from exo_core.placement import DoesNotFit, Placement, PlacementRequest, Topology
    from exo_core.state.state import State


@hookimpl
def exo_node_facts() -> Mapping[str, JsonValue]:
    """Every node gets to see whether this machine rests. (An implementation takes the arguments it needs.)"""
    return {"signpost": {"rests": os.environ.get("SIGNPOST_REST") == "1"}}


@hookimpl
def exo_place_instance(request: PlacementRequest, topology: Topology, state: State) -> Placement | DoesNotFit | None:
    """Let the default placement decide, on the machines that do not rest."""
    from exo_core.placement_rules.default import place
    from signpost.resting import awake

    return place(request, awake(topology, state), state)


@hookimpl(optionalhook=True)  # the hook is exo_http's: without exo_http, this plugin has no door and still loads
def exo_http_routes(node: NodeHandle) -> Sequence[BaseRoute]:
    """Open the door."""
    from signpost.front_door import routes

    return routes(node)
