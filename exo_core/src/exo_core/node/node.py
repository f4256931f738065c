"""A running node, as front doors see it: `NodeHandle` over the parts that `assembly` put together."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, final

from exo_core import __version__
from exo_core.errors import ModelError, NoMaster, UserError
from exo_core.node.loss import Loss
from exo_core.node.model_service import new_command_id
from exo_core.node.problems import problems_of
from exo_core.placement_rules.previews import previews
from exo_core.requests import Answer, EngineRequest
from exo_core.state.aliases import model_meant
from exo_core.state.commands import CommandAccepted, CommandRefused
from exo_core.state.instance_view import current_status
from exo_core.transports import Ticket

if TYPE_CHECKING:
    from exo_core.control_plane.control_plane import ControlPlane
    from exo_core.gateway.gateway import Gateway
    from exo_core.gateway.local_heads import LocalHeads
    from exo_core.identifiers import BootId, ClusterId, Epoch, InstanceId, ModelId, NodeId, RequestId, RunnerId
    from exo_core.manifests import Manifest
    from exo_core.node.changes import Changes
    from exo_core.node.departures import Departure, Departures
    from exo_core.node.downloads import Downloads
    from exo_core.node.hand_invitations import HandInvitations
    from exo_core.node.model_library import ModelLibrary
    from exo_core.node.model_service import ModelService
    from exo_core.node_handle import HeadLoad, HttpOptions, LinkBytes, LogItem, LogView, Problem
    from exo_core.placement import Preview, Topology
    from exo_core.plugins.manager import Plugins
    from exo_core.router.router import Router
    from exo_core.state.commands import Command, CommandAnswer
    from exo_core.state.state import State
    from exo_core.telemetry import Telemetry

PATIENCE_S = 5.0
"""For an entry that the master has acknowledged to arrive here."""


@dataclass(frozen=True, kw_only=True)
class NodeParts:
    """What a node is made of."""

    node_id: NodeId
    boot: BootId
    cluster_id: ClusterId
    home: Path
    http: HttpOptions
    plugins: Plugins
    router: Router
    control_plane: ControlPlane
    gateway: Gateway
    heads: LocalHeads
    library: ModelLibrary
    models: ModelService
    downloads: Downloads
    changes: Changes
    departures: Departures
    tickets: Callable[[], Sequence[Ticket]]
    recognition_tag: Callable[[bytes], bytes]
    invite: Callable[[float], str]
    hand_invitations: HandInvitations
    telemetry: Callable[[], Telemetry]
    tell_now: Callable[[], None]
    """Has telemetry go out at once."""


@final
class Node:
    """Implements `NodeHandle`; see there. Every method belongs to the node's event loop."""

    def __init__(self, parts: NodeParts, announcements: Sequence[str]) -> None:
        self._parts = parts
        self.announcements = tuple(announcements)
        """Sentences for the person who started it."""
        self.urls: list[str] = []
        """Where its front doors serve."""

    def __repr__(self) -> str:
        return f"Node({self.node_id} in cluster {self.cluster_id[:12]})"

    @property
    def node_id(self) -> NodeId:
        return self._parts.node_id

    @property
    def boot(self) -> BootId:
        return self._parts.boot

    @property
    def cluster_id(self) -> ClusterId:
        return self._parts.cluster_id

    @property
    def version(self) -> str:
        return __version__

    @property
    def home(self) -> Path:
        return self._parts.home

    @property
    def http(self) -> HttpOptions:
        return self._parts.http

    @property
    def plugins(self) -> Plugins:
        return self._parts.plugins

    @property
    def tickets(self) -> Sequence[Ticket]:
        """By which peers reach this node, best first."""
        return self._parts.tickets()

    @property
    def state(self) -> State:
        return self._parts.control_plane.state

    @property
    def telemetry(self) -> Telemetry:
        return self._parts.telemetry()

    @property
    def link_bytes(self) -> Mapping[NodeId, LinkBytes]:
        return self._parts.router.traffic

    @property
    def head_loads(self) -> Mapping[RunnerId, HeadLoad]:
        return self._parts.heads.loads

    @property
    def epoch(self) -> Epoch:
        return self._parts.control_plane.epoch

    @property
    def master_id(self) -> NodeId | None:
        return self._parts.control_plane.master_id

    @property
    def log(self) -> LogView:
        return self._parts.control_plane.log_view

    async def wait_for_index(self, index: int, timeout: float) -> bool:
        return await self._parts.control_plane.wait_for_index(index, timeout)

    @property
    def problems(self) -> Sequence[Problem]:
        return problems_of(self._parts.router, self.telemetry, self.state)

    def events(self, after: int, chain: bytes | None = None) -> AsyncGenerator[LogItem]:
        return self._parts.control_plane.events(after, chain)

    def changes(self) -> AsyncGenerator[None]:
        return self._parts.changes.subscribe()

    async def submit(self, command: Command) -> CommandAnswer:
        return await self._parts.control_plane.submit(command)

    async def leave(self) -> CommandAnswer:
        try:
            answer = await self._parts.control_plane.leave(new_command_id())
        except NoMaster as problem:
            message = (
                f"this node is not known to have left: {problem}. Its leave may have been heard, and take effect when "
                f"the others are back. To be rid of it now, stop it, and type where there is a master: exo forget"
            )
            raise UserError(message) from problem
        if isinstance(answer, CommandAccepted):
            self._parts.departures.left()
        return answer

    async def accept_loss(self, confirmed: str | None) -> str:
        parts = self._parts
        return await Loss(parts.control_plane, parts.router, self.telemetry.nodes).accept(confirmed)

    @property
    def is_draining(self) -> bool:
        return self._parts.gateway.is_draining

    async def drain(self, seconds: float) -> None:
        """Take no new requests from now on, tell the others so, and return when none is left, or after that time."""
        self._parts.gateway.close()
        self._parts.tell_now()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._parts.gateway.none_left()

    async def departed(self) -> Departure:
        """Return once this node is to stop because it is no member any more, or has another's identity."""
        return await self._parts.departures.wait()

    def generate(self, request: EngineRequest, model_id: ModelId) -> AsyncGenerator[Answer]:
        return self._parts.gateway.generate(request, self._meant(model_id))

    def cancel(self, request_id: RequestId) -> bool:
        return self._parts.gateway.cancel(request_id)

    async def resolve(self, model_id: ModelId) -> Manifest:
        return await self._parts.library.resolve(self._meant(model_id))

    async def add_model(self, model_id: ModelId) -> CommandAnswer:
        return await self._parts.models.add(self._meant(model_id))

    async def start_download(self, model_id: ModelId, node_id: NodeId) -> None:
        await self._parts.downloads.start(node_id, await self._catalogued(self._meant(model_id)))

    async def cancel_download(self, model_id: ModelId, node_id: NodeId) -> None:
        await self._parts.downloads.cancel(node_id, self._meant(model_id))

    async def _catalogued(self, model_id: ModelId) -> Manifest:
        """The manifest of a model that is in the catalogue from now on. Raises `ModelError`."""
        if model_id not in self.state.models:
            answer = await self.add_model(model_id)
            if isinstance(answer, CommandRefused):
                raise ModelError(answer.message)
            await self.wait_for_index(answer.index, PATIENCE_S)
        known = self.state.models.get(model_id)
        return known.manifest if known is not None else await self.resolve(model_id)

    async def model_folder(self, model_id: ModelId) -> Path | None:
        return await self._parts.models.folder(self._meant(model_id))

    async def catalogue(self) -> tuple[ModelId, ...]:
        return await self._parts.models.catalogue()

    def recognition_tag(self, nonce: bytes) -> bytes:
        return self._parts.recognition_tag(nonce)

    def suggest_peer(self, *tickets: Ticket) -> None:
        self._parts.router.suggest(*tickets)

    def invite(self, minutes: float) -> str:
        return self._parts.invite(minutes)

    async def invite_by_hand(self, minutes: float) -> str:
        return await self._parts.hand_invitations.invite(minutes)

    async def answer_by_hand(self, answer: str) -> NodeId:
        return await self._parts.hand_invitations.answer(answer)

    def topology(self) -> Topology:
        return self._parts.control_plane.topology()

    async def previews(self, model_id: ModelId) -> tuple[Preview, ...]:
        model_id = self._meant(model_id)
        answer = await self.add_model(model_id)
        if isinstance(answer, CommandRefused):
            raise ModelError(answer.message)
        await self.wait_for_index(answer.index, PATIENCE_S)
        return previews(model_id, self.topology(), self.state, self.plugins.place_instance)

    def _meant(self, name: ModelId) -> ModelId:
        """The model, where a person's other name for it is given."""
        return model_meant(self.state, name)

    def instance_status(self, instance_id: InstanceId) -> tuple[str, str]:
        return current_status(self.state, self.telemetry, instance_id)
