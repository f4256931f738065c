"""What placement reads and what it decides: one frozen `Topology` in, one `Placement` out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, Literal

from exo_core.cards import Card, ComputeType, WeightKind
from exo_core.frozen import Count, Frozen
from exo_core.identifiers import InstanceId, ModelId, NodeId, PlacementId, RunnerId

Parallel = Literal["pipeline", "tensor"]


class NodeResources(Frozen):
    """One live member as the master sees it at this moment; bytes."""

    node_id: NodeId
    name: str
    memory_total: Count
    memory_for_models: Count
    """What exo may still use there for weights and KV, shards already placed taken off."""
    backends: tuple[str, ...]
    transports: tuple[str, ...]
    float32_faster_than: Mapping[str, tuple[WeightKind, ...]] = {}
    """By backend: which weights its device computes faster in float32."""


RELAY: Final = "relay"
"""The transport of a link that runs over a third member: for control and tokens, not for activations."""


class LinkMeasure(Frozen):
    """A link between two members and how fast it is, where that was measured."""

    a: NodeId
    b: NodeId
    transport: str
    round_trip_ms: float | None = None
    bytes_per_s: float | None = None


class Topology(Frozen):
    """The live members and their links at one moment, in no particular order."""

    nodes: tuple[NodeResources, ...]
    links: tuple[LinkMeasure, ...] = ()


class PlacementRequest(Frozen):
    """What a person asked for."""

    instance_id: InstanceId
    model_id: ModelId
    parallel: Literal["pipeline", "tensor", "auto"] = "auto"
    min_nodes: Count = 1
    nodes: tuple[NodeId, ...] = ()
    """Only these; empty: any."""
    placement: Placement | None = None
    """An exact placement, as a preview gave it."""
    unload_after_s: Count = 0
    """Seconds without a request after which it is no longer wished; 0: it stays until somebody removes it. Only what a
    request had placed may go by itself.
    """


class Shard(Frozen):
    """What one node holds of an instance: layers start_layer … end_layer - 1."""

    runner_id: RunnerId
    node_id: NodeId
    stage: Count
    stages: Count
    start_layer: Count
    end_layer: Count
    compute_type: ComputeType = "stored"
    """What the shard's weights are in memory, and so its caches and hidden states."""


class Placement(Frozen):
    """Where an instance lives. A new decision has a new `placement_id`; unchanged shards keep their runner ids."""

    placement_id: PlacementId
    parallel: Parallel
    backend: str
    shards: tuple[Shard, ...]
    prefill_chunk: Count = 0
    """Tokens per prefill step, fixed for the life of the placement; 0: what the stages measure when they are loaded."""
    kv_tokens: Count = 0
    """Tokens of context for which KV memory is reserved on every node."""


class DoesNotFit(Frozen):
    """Why no placement exists, with numbers, in a sentence for people."""

    reason: str


@dataclass(frozen=True, kw_only=True)
class Preview:
    """A placement that could be made, or why one cannot. `memory_bytes`: weights and KV that each node would hold."""

    request: PlacementRequest
    outcome: Placement | DoesNotFit
    memory_bytes: Mapping[NodeId, int] = field(default_factory=dict[NodeId, int])


class ShardAssignment(Frozen):
    """All that a backend needs to load its part of an instance."""

    instance_id: InstanceId
    card: Card
    placement: Placement
    shard: Shard
    kv_bytes: Count = 0
    """Bytes that this shard may hold in caches, all its sequences and snapshots together: promised by its node when it
    is loaded, at least what the placement reserves. 0: nothing was promised, as in a test without a node.
    """


PlacementRequest.model_rebuild()
