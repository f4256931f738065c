"""What is measured and never logged: last writer wins, nothing on disk."""

from __future__ import annotations

from collections.abc import Mapping

from exo_core.frozen import Count, Frozen
from exo_core.identifiers import BootId, InstanceId, ModelId, NodeId, RunnerId
from exo_core.placement import LinkMeasure, Placement


class RunnerTelemetry(Frozen):
    """What a runner is doing. `done` of `total`, bytes, while downloading, loading or warming up."""

    runner_id: RunnerId
    instance_id: InstanceId
    status: str
    """starting downloading loading warming_up ready busy failed stopped"""
    detail: str = ""
    done: Count = 0
    total: Count = 0
    generation: tuple[str, Count, Count] | None = None
    tickets: tuple[str, ...] = ()
    pid: Count = 0
    placement: Placement | None = None
    """The placement it was last told, so that a new master can take over what runs instead of placing it anew."""


class DownloadTelemetry(Frozen):
    """A model, or a shard's part of it, on its way to a disk. `done` of `total` bytes of what is wanted there."""

    model_id: ModelId
    revision: str
    status: str
    """downloading failed cancelled (finished ones are facts of the log)"""
    done: Count = 0
    total: Count = 0
    bytes_per_s: float = 0.0
    detail: str = ""
    """Why it failed, for people."""


class NodeTelemetry(Frozen):
    """One node's measurements, as it sent them. A higher (boot start, sequence) replaces a lower."""

    node_id: NodeId
    boot: BootId
    sequence: Count
    version: str
    name: str
    memory_total: Count
    memory_free: Count
    memory_for_models: Count
    """What this machine could give to weights and KV in all, whatever is placed there already; without what caches were
    lent beyond the reservations of their placements and cannot give back.
    """
    load: float = 0.0
    log_length: Count = 0
    settled: Count = 0
    log_hash: str = ""
    """The first hex digits of the chain at `log_length`."""
    term: Count = 0
    leads: bool = False
    draining: bool = False
    """It takes no new requests, because it is about to stop."""
    trouble: str = ""
    """Why it does not lead although it might, for people: its disk, its log."""
    runners: tuple[RunnerTelemetry, ...] = ()
    downloads: tuple[DownloadTelemetry, ...] = ()
    links: tuple[LinkMeasure, ...] = ()
    addresses: Mapping[NodeId, str] = {}
    """Peer to the address by which this node reaches it."""
    peers: Mapping[NodeId, tuple[str, ...]] = {}
    """Its own tickets as they are now, and those of the peers that it reaches, as they told it: so members meet that
    were never introduced, and hear of a cable that was plugged in later.
    """


class Telemetry(Frozen):
    """The newest of every node, as known here. `last_seen_s` is seconds since each was heard (0 for itself)."""

    nodes: Mapping[NodeId, NodeTelemetry] = {}
    last_seen_s: Mapping[NodeId, float] = {}


def draining_nodes(telemetry: Telemetry) -> set[NodeId]:
    """Those that take no new requests."""
    return {node_id for node_id, told in telemetry.nodes.items() if told.draining}
