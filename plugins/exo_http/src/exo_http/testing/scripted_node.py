"""A `NodeHandle` without a cluster: real state, commands and log in memory, and engine answers from a script."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from contextlib import aclosing
from pathlib import Path
from typing import final

from exo_core.errors import JoinError, ModelError, UserError
from exo_core.identifiers import (
    BootId,
    ClusterId,
    CommandId,
    Epoch,
    InstanceId,
    ModelId,
    NodeId,
    Origin,
    RequestId,
    RunnerId,
)
from exo_core.manifests import Manifest
from exo_core.node.changes import Changes
from exo_core.node_handle import (
    AppliedEvent,
    HeadLoad,
    HttpOptions,
    LinkBytes,
    LogItem,
    LogView,
    Problem,
    RolledBack,
)
from exo_core.placement import Preview, Topology
from exo_core.plugins.manager import Plugins
from exo_core.requests import Answer, EngineRequest, Refused
from exo_core.state.aliases import model_meant
from exo_core.state.apply import apply
from exo_core.state.commands import AddModel, Command, CommandAccepted, CommandAnswer, CommandRefused, ForgetNode
from exo_core.state.decide import decide
from exo_core.state.events import Entry, Event, FactId
from exo_core.state.instance_status import instance_status
from exo_core.state.state import Model, State
from exo_core.telemetry import Telemetry
from exo_core.transports import Ticket

Script = Callable[[EngineRequest], AsyncGenerator[Answer]]
"""What an engine answers. Closing the generator is how a request is cancelled."""

FIRST_CHAIN = bytes(32)


@final
class ScriptedNode:
    """A node of a cluster of its own. `scripts` says which models can answer, and how.

    `requests` holds all that were generated, `open_requests` those whose generator is not closed yet; `previewed` and
    `resolvable` are what `previews` and `add_model` know.
    """

    def __init__(
        self,
        *,
        scripts: Mapping[str, Script] | None = None,
        http: HttpOptions | None = None,
        plugins: Plugins | None = None,
        home: Path = Path(),
    ) -> None:
        self._scripts = dict(scripts or {})
        self.http = http or HttpOptions(port=0)
        self.plugins = plugins or Plugins()
        self.home = home
        self.node_id = NodeId("a" * 26)
        self.boot = BootId(1)
        self.cluster_id = ClusterId("c" * 26)
        self.version = "0.1.0"
        self.master_id: NodeId | None = self.node_id
        self.epoch = Epoch(term=1, master_id=self.node_id)
        self.state = State()
        self.telemetry = Telemetry()
        self.link_bytes: Mapping[NodeId, LinkBytes] = {}
        self.head_loads: Mapping[RunnerId, HeadLoad] = {}
        self.urls: Sequence[str] = ()
        self.problems: Sequence[Problem] = ()
        self.is_draining = False
        self.requests: list[EngineRequest] = []
        self.open_requests: set[RequestId] = set()
        self.downloading: set[tuple[ModelId, NodeId]] = set()
        self.previewed: Mapping[ModelId, tuple[Preview, ...]] = {}
        self.resolvable: Mapping[ModelId, Model] = {}
        self.topology_now = Topology(nodes=())
        self._log: list[AppliedEvent] = []
        self._changes = Changes()

    # state and log ---------------------------------------------------------------------------------------

    @property
    def log(self) -> LogView:
        """Everything recorded so far; nobody else has to hold it."""
        chain = self._log[-1].entry.chain if self._log else FIRST_CHAIN
        return LogView(length=len(self._log), settled=len(self._log), hash=chain.hex())

    def record(self, event: Event) -> int:
        """Let an event enter the log and the state; its index."""
        payload = event.model_dump_json().encode()
        previous = bytes.fromhex(self.log.hash)
        index = len(self._log) + 1
        event_id = FactId(origin=Origin(node_id=self.node_id, boot=self.boot), seq=index)
        chain = hashlib.sha256(previous + payload).digest()
        entry = Entry(epoch=self.epoch, event_id=event_id, payload=payload, chain=chain)
        self._log.append(AppliedEvent(index=index, entry=entry, event=event, replayed=False))
        self.state = apply(self.state, event)
        self._changes.tell()
        return index

    def measure(self, telemetry: Telemetry) -> None:
        """Let telemetry be this from now on."""
        self.telemetry = telemetry
        self._changes.tell()

    async def wait_for_index(self, index: int, timeout: float) -> bool:
        """See `NodeHandle`."""
        try:
            async with asyncio.timeout(timeout), aclosing(self._changes.subscribe(pause_s=0)) as changes:
                async for _ in changes:
                    if len(self._log) >= index:
                        return True
        except TimeoutError:
            pass
        return False

    async def events(self, after: int, chain: bytes | None = None) -> AsyncGenerator[LogItem]:
        """See `NodeHandle`. Nothing ever leaves this log."""
        if chain is not None and chain != self._chain_at(after):
            yield RolledBack(to=0)
            after = 0
        async with aclosing(self._changes.subscribe(pause_s=0)) as changes:
            async for _ in changes:
                while after < len(self._log):
                    yield self._log[after]
                    after += 1

    def _chain_at(self, index: int) -> bytes | None:
        chains = [FIRST_CHAIN, *(applied.entry.chain for applied in self._log)]
        return chains[index] if index < len(chains) else None

    def changes(self) -> AsyncGenerator[None]:
        """See `NodeHandle`."""
        return self._changes.subscribe(pause_s=0)

    async def submit(self, command: Command) -> CommandAnswer:
        """Decided as a master decides, recorded at once."""
        decision = decide(self.state, command)
        if isinstance(decision, CommandRefused):
            return decision
        for fact in decision.facts:
            self.record(fact)
        return CommandAccepted(command_id=command.command_id, index=len(self._log), instance_id=decision.instance_id)

    async def accept_loss(self, confirmed: str | None) -> str:
        """See `NodeHandle`; this node's log is always whole."""
        message = f"nothing is lost here ({confirmed=})"
        raise UserError(message)

    async def leave(self) -> CommandAnswer:
        """See `NodeHandle`; it does not stop."""
        return await self.submit(ForgetNode(command_id=CommandId("leave"), node_id=self.node_id, forgotten=False))

    def instance_status(self, instance_id: InstanceId) -> tuple[str, str]:
        """See `NodeHandle`."""
        return instance_status(self.state, instance_id)

    def add_script(self, model: str, script: Script) -> None:
        """Let a model answer so from now on."""
        self._scripts[model] = script

    # requests --------------------------------------------------------------------------------------------

    async def generate(self, request: EngineRequest, model_id: ModelId) -> AsyncGenerator[Answer]:
        """Answers of the model's script; 404 for a model that has none, 503 while it drains."""
        script = self._scripts.get(model_meant(self.state, model_id))
        if self.is_draining:
            yield Refused(status=503, code="stopping", message="this node is stopping; ask another")
            return
        if script is None:
            yield Refused(status=404, code="model_not_found", message=f"the model '{model_id}' does not exist")
            return
        self.requests.append(request)
        self.open_requests.add(request.request_id)
        self._changes.tell()
        try:
            async with aclosing(script(request)) as answers:
                async for answer in answers:
                    if request.request_id not in self.open_requests:
                        return
                    yield answer
        finally:
            self.open_requests.discard(request.request_id)
            self._changes.tell()

    def cancel(self, request_id: RequestId) -> bool:
        """The request ends before its next answer."""
        known = request_id in self.open_requests
        self.open_requests.discard(request_id)
        return known

    # models ----------------------------------------------------------------------------------------------

    async def resolve(self, model_id: ModelId) -> Manifest:
        """See `NodeHandle`."""
        return self._resolved(model_id).manifest

    async def add_model(self, model_id: ModelId) -> CommandAnswer:
        """See `NodeHandle`."""
        model = self._resolved(model_id)
        command = AddModel(command_id=CommandId(f"add-{model_id}"), manifest=model.manifest, card=model.card)
        return await self.submit(command)

    def _resolved(self, name: ModelId) -> Model:
        model_id = model_meant(self.state, name)
        if model_id not in self.resolvable:
            message = f"no source knows the model '{model_id}'; see 'exo models'"
            raise ModelError(message)
        return self.resolvable[model_id]

    async def start_download(self, model_id: ModelId, node_id: NodeId) -> None:
        """Remembered in `downloading`; nothing is brought."""
        if model_id not in self.state.models:
            await self.add_model(model_id)
        self.downloading.add((model_id, node_id))

    async def cancel_download(self, model_id: ModelId, node_id: NodeId) -> None:
        """Refused for a model that an instance is placed of, as for one that a shard needs."""
        if any(instance.request.model_id == model_id for instance in self.state.instances.values()):
            message = f"{model_id} is still fetched for an instance"
            raise ModelError(message)
        self.downloading.discard((model_id, node_id))

    async def model_folder(self, model_id: ModelId) -> Path | None:
        """It has no disk."""
        del model_id
        return None

    async def catalogue(self) -> tuple[ModelId, ...]:
        """See `NodeHandle`."""
        return tuple(sorted({*self.state.models, *map(ModelId, self._scripts)}))

    async def previews(self, model_id: ModelId) -> tuple[Preview, ...]:
        """See `NodeHandle`."""
        model_id = model_meant(self.state, model_id)
        if model_id not in self.previewed:
            message = f"no source knows the model '{model_id}'; see 'exo models'"
            raise ModelError(message)
        return self.previewed[model_id]

    def topology(self) -> Topology:
        """See `NodeHandle`."""
        return self.topology_now

    # peers -----------------------------------------------------------------------------------------------

    @property
    def tickets(self) -> tuple[Ticket, ...]:
        """Nobody reaches it."""
        return ()

    def recognition_tag(self, nonce: bytes) -> bytes:
        """Of a cluster of its own."""
        return hashlib.sha256(self.cluster_id.encode() + nonce).digest()[:16]

    def suggest_peer(self, *tickets: Ticket) -> None:
        """There is no network here."""

    def invite(self, minutes: float) -> str:
        """Nobody can join."""
        message = f"a scripted node takes nobody in, not even for {minutes:g} minutes"
        raise JoinError(message)

    async def invite_by_hand(self, minutes: float) -> str:
        """Nobody can join."""
        return self.invite(minutes)

    async def answer_by_hand(self, answer: str) -> NodeId:
        """Nobody can join."""
        message = f"a scripted node made no offer to which {len(answer)} characters could be the answer"
        raise JoinError(message)
