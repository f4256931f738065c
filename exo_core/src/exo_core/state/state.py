"""What the cluster knows: the sum of its log."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from exo_core.cards import Card
from exo_core.frozen import Count, Frozen, JsonValue
from exo_core.identifiers import BootId, InstanceId, ModelId, NodeId, RunnerId
from exo_core.manifests import Manifest
from exo_core.placement import Placement, PlacementRequest

InstanceStatus = Literal["placing", "waiting", "loading", "ready", "failed"]


class Member(Frozen):
    """A node that belongs to the cluster. `boot` is None until it has said that it started."""

    node_id: NodeId
    name: str
    version: str = ""
    boot: BootId | None = None
    dead: bool = False
    memory_total: Count = 0
    backends: tuple[str, ...] = ()
    transports: tuple[str, ...] = ()
    facts: dict[str, JsonValue] = {}


class Model(Frozen):
    """A model of the catalogue."""

    manifest: Manifest
    card: Card


class RunnerRecord(Frozen):
    """What became of a runner in the present boot of its node."""

    runner_id: RunnerId
    instance_id: InstanceId
    node_id: NodeId
    boot: BootId
    ready: bool
    detail: str = ""


class Instance(Frozen):
    """A wish, and where it is fulfilled. `waiting` says why it has no place (None while it has one)."""

    request: PlacementRequest
    placement: Placement | None = None
    waiting: str | None = None


REMEMBERED_DELETIONS = 1024
"""How many deleted instances are remembered, so that a runner that slept through the deletion is stopped."""


class State(Frozen):
    """The whole. Only `apply` makes new ones; mappings are never changed in place."""

    created: bool = False
    """The cluster's first fact is in the log."""
    consistency: Literal["availability", "majority"] = "availability"
    members: Mapping[NodeId, Member] = {}
    left: Mapping[NodeId, bool] = {}
    """Former members; True: forgotten by a person."""
    models: Mapping[ModelId, Model] = {}
    instances: Mapping[InstanceId, Instance] = {}
    deleted: tuple[InstanceId, ...] = ()
    """Instances whose deletion the log contains, oldest first; the newest `REMEMBERED_DELETIONS` of them."""
    runners: Mapping[RunnerId, RunnerRecord] = {}
    downloads: Mapping[NodeId, Mapping[ModelId, str]] = {}
    """Revision of each model that lies complete on a node."""
    extensions: Mapping[str, Mapping[str, JsonValue]] = {}
