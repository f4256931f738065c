"""The placement that exo comes with, without loading plugins."""

from __future__ import annotations

from collections.abc import Sequence
from typing import final

from exo_core.placement import DoesNotFit, Placement, PlacementRequest, Topology
from exo_core.placement_rules.default import place
from exo_core.state.state import State


@final
class DefaultRules:
    """`PlacementRules` of a node that has no placement plugin."""

    def place_instance(self, request: PlacementRequest, topology: Topology, state: State) -> Placement | DoesNotFit:
        """Decide."""
        return place(request, topology, state)

    def reject_placement(self, placement: Placement, topology: Topology, state: State) -> Sequence[str]:
        """Nothing against it."""
        del placement, topology, state
        return ()
