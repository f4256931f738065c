"""Everything that can enter the log.

A **fact** is something that happened or that a person wished; it is never lost and never doubled. A **derived** event
is what the master concludes from facts and telemetry; when two histories merge it is dropped and concluded anew.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from exo_core.cards import Card
from exo_core.frozen import Count, Frozen, JsonValue
from exo_core.identifiers import BootId, Epoch, InstanceId, ModelId, NodeId, Origin, RunnerId
from exo_core.manifests import Manifest
from exo_core.placement import Placement, PlacementRequest


class ClusterCreated(Frozen):
    """The first fact of a log: how this cluster keeps its promises."""

    type: Literal["cluster_created"] = "cluster_created"
    consistency: Literal["availability", "majority"] = "availability"


class NodeJoined(Frozen):
    """Recorded by the master at a node's first authenticated Hello: it is a member from now on."""

    type: Literal["node_joined"] = "node_joined"
    node_id: NodeId
    name: str


class NodeLeft(Frozen):
    """A member left by itself, or was struck off by a person (`forgotten`)."""

    type: Literal["node_left"] = "node_left"
    node_id: NodeId
    forgotten: bool = False


class NodeStarted(Frozen):
    """A member (re)started. Runners of its earlier boots are gone."""

    type: Literal["node_started"] = "node_started"
    node_id: NodeId
    boot: BootId
    name: str
    version: str


class NodeFactsGathered(Frozen):
    """What a member's machine is and can do. `facts` by plugin name."""

    type: Literal["node_facts_gathered"] = "node_facts_gathered"
    node_id: NodeId
    memory_total: Count
    backends: tuple[str, ...]
    transports: tuple[str, ...]
    facts: dict[str, JsonValue]


class ModelAdded(Frozen):
    """A model is known, with its card."""

    type: Literal["model_added"] = "model_added"
    manifest: Manifest
    card: Card


class ModelRemoved(Frozen):
    """A model is struck off the catalogue; its files stay where they are."""

    type: Literal["model_removed"] = "model_removed"
    model_id: ModelId


class InstanceRequested(Frozen):
    """A person wishes an instance. Only `InstanceDeleted` ends the wish."""

    type: Literal["instance_requested"] = "instance_requested"
    request: PlacementRequest


class InstanceDeleted(Frozen):
    """A person no longer wishes an instance."""

    type: Literal["instance_deleted"] = "instance_deleted"
    instance_id: InstanceId


class RunnerReady(Frozen):
    """A runner loaded its shard, warmed up, and reached its neighbours."""

    type: Literal["runner_ready"] = "runner_ready"
    runner_id: RunnerId
    instance_id: InstanceId
    node_id: NodeId
    boot: BootId


class RunnerFailed(Frozen):
    """A runner cannot serve: its load failed, or it crashed three times in a minute. `detail` for people."""

    type: Literal["runner_failed"] = "runner_failed"
    runner_id: RunnerId
    instance_id: InstanceId
    node_id: NodeId
    boot: BootId
    detail: str


class DownloadFinished(Frozen):
    """A node has all files of a model's revision."""

    type: Literal["download_finished"] = "download_finished"
    node_id: NodeId
    model_id: ModelId
    revision: str


class DownloadLost(Frozen):
    """A node does not have a model of the catalogue complete any more, or in another revision than the catalogue's."""

    type: Literal["download_lost"] = "download_lost"
    node_id: NodeId
    model_id: ModelId


class ExtensionChanged(Frozen):
    """A plugin's own state: one key set (or, with None, removed) in its slice."""

    type: Literal["extension_changed"] = "extension_changed"
    plugin: str
    key: str
    value: JsonValue


class InstancePlaced(Frozen):
    """Derived: where an instance lives from now on."""

    type: Literal["instance_placed"] = "instance_placed"
    instance_id: InstanceId
    placement: Placement


class InstanceWaiting(Frozen):
    """Derived: no place for an instance now, and why, with numbers."""

    type: Literal["instance_waiting"] = "instance_waiting"
    instance_id: InstanceId
    reason: str


class NodeDead(Frozen):
    """Derived: a member has been silent too long."""

    type: Literal["node_dead"] = "node_dead"
    node_id: NodeId


class NodeAlive(Frozen):
    """Derived: a member that was dead is heard again."""

    type: Literal["node_alive"] = "node_alive"
    node_id: NodeId


class ReignBegan(Frozen):
    """Derived, in `majority` only: the first entry of a master, by which what it found in its log becomes final."""

    type: Literal["reign_began"] = "reign_began"
    master_id: NodeId


Fact = Annotated[
    ClusterCreated
    | NodeJoined
    | NodeLeft
    | NodeStarted
    | NodeFactsGathered
    | ModelAdded
    | ModelRemoved
    | InstanceRequested
    | InstanceDeleted
    | RunnerReady
    | RunnerFailed
    | DownloadFinished
    | DownloadLost
    | ExtensionChanged,
    Field(discriminator="type"),
]
Derived = Annotated[InstancePlaced | InstanceWaiting | NodeDead | NodeAlive | ReignBegan, Field(discriminator="type")]
Event = Annotated[Fact | Derived, Field(discriminator="type")]


class FactId(Frozen):
    """Which fact: the `seq`-th (from 1) of that origin, counted without gaps."""

    kind: Literal["fact"] = "fact"
    origin: Origin
    seq: Count


class DerivedId(Frozen):
    """Which conclusion: the `n`-th (from 1) of that epoch's master."""

    kind: Literal["derived"] = "derived"
    epoch: Epoch
    n: Count


EventId = Annotated[FactId | DerivedId, Field(discriminator="kind")]


class Entry(Frozen):
    """One row of the log. `payload` is the event's original bytes (canonical msgpack), kept verbatim for ever.

    `chain` = SHA-256(previous chain ‖ canonical msgpack of [epoch, event id, payload]); the first previous chain is
    32 zero bytes. An entry's index is its position in the log, from 1.
    """

    epoch: Epoch
    event_id: EventId
    payload: bytes
    chain: bytes


class Offer(Frozen):
    """A fact on its way into the log."""

    event_id: FactId
    payload: bytes
