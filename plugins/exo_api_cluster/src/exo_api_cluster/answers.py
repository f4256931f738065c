"""How every answer of this API looks, for `GET /openapi.json`. The answers are made by `exo_core.documents`."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict

from exo_core.cards import Card
from exo_core.placement import Placement


class Closed(BaseModel):
    """Nothing but the fields that are named."""

    model_config = ConfigDict(extra="forbid")


class EpochObject(Closed):
    """One reign of one master."""

    term: int
    master_id: str


class LogObject(Closed):
    """The log as this node has it."""

    length: int
    settled: int
    hash: str


class MemoryObject(Closed):
    """Bytes; null until they were heard of."""

    total: int
    free: int | None
    for_models: int | None


class LogPlace(Closed):
    """How far a member's log is."""

    term: int
    length: int
    lag: int
    hash: str


class NodeObject(Closed):
    """A member."""

    name: str
    version: str
    alive: bool
    draining: bool
    last_seen_s: float | None
    memory: MemoryObject
    backends: list[str]
    transports: list[str]
    facts: dict[str, Any]
    role: Literal["master", "follower"] | None
    log: LogPlace | None
    trouble: str | None


class ShardObject(Closed):
    """What one node holds of an instance."""

    runner_id: str
    node_id: str
    stage: int
    stages: int
    start_layer: int
    end_layer: int


class InstanceObject(Closed):
    """One placed model."""

    model_id: str
    parallel: str
    status: Literal["placing", "waiting", "loading", "ready", "failed"]
    detail: str
    unload_after_s: int | None
    generation: list[Any] | None
    shards: list[ShardObject]


class NamedInstance(InstanceObject):
    """With its id."""

    instance_id: str


class RunnerObject(Closed):
    """The process of a shard; `done` of `total` bytes while it loads."""

    node_id: str
    instance_id: str
    status: str
    detail: str
    done: int
    total: int


class LinkObject(Closed):
    """A link between two members."""

    a: str
    b: str
    transport: str
    address: str | None
    round_trip_ms: float | None
    bytes_per_s: float | None


class ProblemObject(Closed):
    """What a person should know."""

    node: str | None
    name: str
    reason: str


class StateObject(Closed):
    """The whole cluster as a node sees it."""

    node_id: str
    cluster_id: str
    master: str | None
    epoch: EpochObject
    log: LogObject
    nodes: dict[str, NodeObject]
    instances: dict[str, InstanceObject]
    runners: dict[str, RunnerObject]
    links: list[LinkObject]
    urls: list[str]
    consistency: Literal["availability", "majority"] | None
    problems: list[ProblemObject]


class ReadyInstance(Closed):
    """One that can answer."""

    instance_id: str
    model_id: str


class Ready(Closed):
    """A question would be answered now."""

    status: Literal["ready"]
    instances: list[ReadyInstance]


class CatalogueModel(Closed):
    """A model of the catalogue; what only its card says is null until it was added."""

    id: str
    aliases: list[str]
    added: bool
    source: str | None
    location: str | None
    card: Card | None
    bytes: int | None
    on_disk: list[str]


class PreviewObject(Closed):
    """A placement that could be made, or the reason why not."""

    model_id: str
    min_nodes: int
    parallel: str
    placement: Placement | None
    memory_bytes: dict[str, int]
    error: str | None


class Accepted(Closed):
    """Safe on enough disks; `GET /state?at_least=` waits for `index`."""

    command_id: str
    index: int


class InstanceAccepted(Accepted):
    """Of which instance."""

    instance_id: str


class ModelAccepted(Accepted):
    """Of which model."""

    model_id: str


class DownloadObject(Closed):
    """A model that lies on a node's disk, or is on its way there."""

    node_id: str
    node: str
    model_id: str
    revision: str
    status: str
    done: int
    total: int
    bytes_per_s: float
    detail: str


class DownloadAccepted(Closed):
    """Which model, to which nodes."""

    model_id: str
    node_ids: list[str]
