"""Built-in plugin `default_placement`: contiguous layers in proportion to free memory, on as few machines as fit."""

from __future__ import annotations

from typing import TYPE_CHECKING

from exo_core.hookspecs import hookimpl

if TYPE_CHECKING:
    from exo_core.placement import DoesNotFit, Placement, PlacementRequest, Topology
    from exo_core.state.state import State


@hookimpl(trylast=True)
def exo_place_instance(request: PlacementRequest, topology: Topology, state: State) -> Placement | DoesNotFit:
    """Always decides."""
    from exo_core.placement_rules.default import place

    return place(request, topology, state)
