"""Every placement that could be made for a model: over one machine, over two, … over all."""

from __future__ import annotations

from collections.abc import Callable

from exo_core.identifiers import InstanceId, ModelId
from exo_core.placement import DoesNotFit, Placement, PlacementRequest, Preview, Topology
from exo_core.placement_rules.memory_needs import memory_per_node
from exo_core.state.state import State

Decide = Callable[[PlacementRequest, Topology, State], Placement | DoesNotFit]
"""`Plugins.place_instance`, or `placement_rules.default.place`."""


def previews(model_id: ModelId, topology: Topology, state: State, decide: Decide) -> tuple[Preview, ...]:
    """One for each number of machines, or the reason against it; equal outcomes are shown once."""
    shown: dict[tuple[tuple[str, int, int], ...] | str, Preview] = {}
    for number in range(1, max(1, len(topology.nodes)) + 1):
        request = PlacementRequest(instance_id=InstanceId("preview"), model_id=model_id, min_nodes=number)
        outcome = decide(request, topology, state)
        shown.setdefault(_kind(outcome), _preview(request, outcome, state))
    return tuple(shown.values())


def _preview(request: PlacementRequest, outcome: Placement | DoesNotFit, state: State) -> Preview:
    model = state.models.get(request.model_id)
    if model is None or isinstance(outcome, DoesNotFit):
        return Preview(request=request, outcome=outcome)
    return Preview(request=request, outcome=outcome, memory_bytes=memory_per_node(model.card, outcome))


def _kind(outcome: Placement | DoesNotFit) -> tuple[tuple[str, int, int], ...] | str:
    if isinstance(outcome, DoesNotFit):
        return outcome.reason
    return tuple((shard.node_id, shard.start_layer, shard.end_layer) for shard in outcome.shards)
