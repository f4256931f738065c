"""The fifth waist: what a front door (an API, a dashboard, a service) may do with its node."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol, runtime_checkable

import pluggy

from exo_core.identifiers import BootId, ClusterId, Epoch, InstanceId, ModelId, NodeId, RequestId, RunnerId
from exo_core.manifests import Manifest
from exo_core.placement import Preview, Topology
from exo_core.requests import Answer, EngineRequest
from exo_core.state.commands import Command, CommandAnswer
from exo_core.state.events import Entry, Event
from exo_core.state.state import State
from exo_core.telemetry import Telemetry
from exo_core.transports import Ticket


@dataclass(frozen=True, kw_only=True)
class HttpOptions:
    """How the front door was asked to listen. `api_key` None: none is set. `max_requests`: to models, at once."""

    enabled: bool = True
    host: str = "127.0.0.1"
    port: int = 52415
    api_key: str | None = field(default=None, repr=False)
    allowed_hosts: tuple[str, ...] = ()
    allowed_origins: tuple[str, ...] = ()
    insecure_no_auth: bool = False
    behind_proxy: bool = False
    """Something on this machine passes on the requests of others: who comes over loopback may be anybody."""
    max_requests: int = 2048


@dataclass(frozen=True, kw_only=True)
class LogView:
    """The log as this node has it. `hash` is the chain at `length`, hex."""

    length: int
    settled: int
    hash: str


@dataclass(frozen=True, kw_only=True)
class AppliedEvent:
    """An entry that entered this node's state. `event` is None when this version does not know its type."""

    index: int
    entry: Entry
    event: Event | None
    replayed: bool


@dataclass(frozen=True, kw_only=True)
class RolledBack:
    """Entries after `to` left the log; those that follow take their place. Their facts come back among them."""

    to: int


@dataclass(frozen=True, kw_only=True)
class SummedUp:
    """The entries up to `index` are not kept any more: a snapshot stands for them, and `state` holds what they did."""

    index: int


@dataclass(frozen=True, kw_only=True)
class LinkBytes:
    """What went to a peer, and came from it, over all links to it since this node started."""

    sent: int
    received: int


@dataclass(frozen=True, kw_only=True)
class HeadLoad:
    """Requests at a head of this node, whoever took them: those without a token yet, and those that get theirs.

    The latter are answered in one batch, as far as the engine has room.
    """

    waiting: int
    answering: int


LogItem = AppliedEvent | RolledBack | SummedUp


@dataclass(frozen=True, kw_only=True)
class Problem:
    """Something that a person should know of a node. `node_id` None: of whoever is at the address `name`."""

    node_id: NodeId | None
    name: str
    reason: str


class LoadedPlugins(Protocol):
    """The plugins of one node."""

    @property
    def names(self) -> Sequence[str]:
        """Sorted."""
        ...

    @property
    def manager(self) -> pluggy.PluginManager:
        """For plugins that own hooks and call them."""
        ...


class NodeHandle(Protocol):
    """A running node. All methods belong to its event loop. Where a model is named, an alias of it may be."""

    @property
    def node_id(self) -> NodeId:
        """Who this machine is."""
        ...

    @property
    def boot(self) -> BootId:
        """This start of the node; no other start has it."""
        ...

    @property
    def cluster_id(self) -> ClusterId:
        """The cluster it belongs to."""
        ...

    @property
    def version(self) -> str:
        """exo's."""
        ...

    @property
    def home(self) -> Path:
        """The folder that it keeps everything in."""
        ...

    @property
    def http(self) -> HttpOptions:
        """How a front door was asked to listen."""
        ...

    @property
    def urls(self) -> Sequence[str]:
        """Where its front doors serve; empty while none does."""
        ...

    @property
    def plugins(self) -> LoadedPlugins:
        """What is loaded in this node."""
        ...

    @property
    def state(self) -> State:
        """What this node knows now; a new object after each event."""
        ...

    @property
    def telemetry(self) -> Telemetry:
        """What is measured and not logged: liveness, free memory, progress, links."""
        ...

    @property
    def link_bytes(self) -> Mapping[NodeId, LinkBytes]:
        """Traffic with each peer that was ever reached."""
        ...

    @property
    def head_loads(self) -> Mapping[RunnerId, HeadLoad]:
        """Of the heads here that have requests."""
        ...

    @property
    def epoch(self) -> Epoch:
        """The epoch this node lives in."""
        ...

    @property
    def master_id(self) -> NodeId | None:
        """The master this node follows, or None while there is none."""
        ...

    @property
    def log(self) -> LogView:
        """Length, settled index and hash of the log here."""
        ...

    async def wait_for_index(self, index: int, timeout: float) -> bool:
        """True once log index `index` is applied here; False after `timeout` seconds."""
        ...

    @property
    def problems(self) -> Sequence[Problem]:
        """What keeps nodes apart or from doing their part at the moment: versions, identities, disks, logs."""
        ...

    def events(self, after: int, chain: bytes | None = None) -> AsyncGenerator[LogItem]:
        """Entries from index after + 1 on, then live, for ever.

        `chain` is the chain at `after` as the caller has it: `RolledBack` comes first when the log here has another. It
        also comes whenever told entries leave the log. Where entries are missing, `SummedUp` stands for them.
        """
        ...

    def changes(self) -> AsyncGenerator[None]:
        """Yields at once, then whenever state or telemetry changed, at most ten times a second."""
        ...

    async def submit(self, command: Command) -> CommandAnswer:
        """Have the master decide. Returns once the facts are safe; raises `NoMaster` after 15 s without one."""
        ...

    async def leave(self) -> CommandAnswer:
        """Have the master record that this node leaves its cluster; soon after an acceptance the node stops.

        Raises `UserError` when no master answers.
        """
        ...

    async def accept_loss(self, confirmed: str | None) -> str:
        """What of this node's log is lost; once just that text is `confirmed`, the node goes on without it.

        Raises `UserError` when nothing is lost, a master restores it, or another machine has more of it.
        """
        ...

    def generate(self, request: EngineRequest, model_id: ModelId) -> AsyncGenerator[Answer]:
        """Answer a request by any instance of that model, wherever its head is.

        The first answer is `Accepted` or `Refused` (404 `model_not_found` for an unknown model; one that is known, or
        can be had without a download, is placed and waited for: `Progress` comes first then). Exactly one `Chunk` per
        token and choice, in order, whatever dies meanwhile. Closing the generator cancels the request. The engine never
        waits for the caller; a caller 1 MiB behind is cancelled.
        """
        ...

    @property
    def is_draining(self) -> bool:
        """Whether it takes no new requests (`generate` refuses them), because it is about to stop."""
        ...

    def cancel(self, request_id: RequestId) -> bool:
        """Cancel a request that this node's gateway owns; False when there is none such."""
        ...

    async def resolve(self, model_id: ModelId) -> Manifest:
        """Ask the sources. Raises `ModelError`."""
        ...

    async def add_model(self, model_id: ModelId) -> CommandAnswer:
        """Resolve, describe and enter a model into the catalogue. Raises `ModelError`."""
        ...

    async def start_download(self, model_id: ModelId, node_id: NodeId) -> None:
        """Have a member bring all of a model to its disk; returns as soon as it has begun.

        The model is added if need be. It is no error that it is there already, or on its way. Raises `ModelError`.
        """
        ...

    async def cancel_download(self, model_id: ModelId, node_id: NodeId) -> None:
        """Have a member stop what `start_download` began; what came stays. Raises `ModelError`."""
        ...

    async def model_folder(self, model_id: ModelId) -> Path | None:
        """Where a model lies complete on this machine's disk, or None. Raises `ModelError`."""
        ...

    async def catalogue(self) -> tuple[ModelId, ...]:
        """Models that are in the state, embedded, or on this disk."""
        ...

    @property
    def tickets(self) -> Sequence[Ticket]:
        """By which other nodes reach this one now, best first."""
        ...

    def recognition_tag(self, nonce: bytes) -> bytes:
        """16 bytes that only members of this cluster can make for a nonce, for discoveries: a member recognises another
        by it though neither names the cluster. It proves nothing, since anybody can repeat what they heard.
        """
        ...

    def suggest_peer(self, *tickets: Ticket) -> None:
        """Somebody may be reachable by these tickets of one listener, best first.

        They are tried a few times, the next a moment after the one before; whoever is no member is not linked to.
        """
        ...

    def invite(self, minutes: float) -> str:
        """A join code, good once and for so many minutes while this node runs. Raises `JoinError`."""
        ...

    async def invite_by_hand(self, minutes: float) -> str:
        """A text for a machine that reaches this one by no address; its answer goes to `answer_by_hand`.

        Raises `JoinError` when no transport of this node can be met so.
        """
        ...

    async def answer_by_hand(self, answer: str) -> NodeId:
        """Link with the machine whose answer this is; its node id. It joins now.

        Raises `JoinError` for what is no answer to an offer that waits here, which changes nothing; `ConnectError` when
        the two do not reach each other, after which a new offer is needed.
        """
        ...

    def topology(self) -> Topology:
        """What placement would read now."""
        ...

    async def previews(self, model_id: ModelId) -> tuple[Preview, ...]:
        """Every placement that could be made: one node to all of them. Raises `ModelError`."""
        ...

    def instance_status(self, instance_id: InstanceId) -> tuple[str, str]:
        """Status (placing, waiting, loading, ready, failed) and a detail for people. Raises `KeyError`."""
        ...


class Service(Protocol):
    """Something that runs as long as the node: an HTTP server, a discovery, an exporter."""

    @property
    def name(self) -> str:
        """For people, in logs."""
        ...

    def running(self, node: NodeHandle) -> AbstractAsyncContextManager[None]:
        """Entered when the node runs, left when it stops. Entering raises `UserError` when it cannot start."""
        ...


@runtime_checkable
class FrontDoor(Service, Protocol):
    """A service that clients call, and that can say where."""

    @property
    def url(self) -> str | None:
        """Where it serves, or None while it does not."""
        ...
