"""What a command may have a node do, whether the node is this process or one behind the socket."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from typing import Protocol, final

from exo_core.documents.downloads import downloads_document
from exo_core.documents.event import log_document, position_after
from exo_core.documents.model import model_document
from exo_core.documents.preview import preview_document
from exo_core.documents.state import state_document
from exo_core.errors import ConnectError, JoinError, UserError
from exo_core.frozen import Frozen, JsonObject, JsonValue
from exo_core.identifiers import ModelId, NodeId
from exo_core.node_handle import NodeHandle
from exo_core.requests import Answer, EngineRequest
from exo_core.state.commands import Command, CommandAnswer


class Operations(Protocol):
    """All that `exo status`, `place`, `chat`, … need of a node."""

    async def status(self) -> JsonValue:
        """The document of `/state`."""
        ...

    async def catalogue(self) -> list[JsonValue]:
        """Models that can be placed."""
        ...

    async def previews(self, model_id: ModelId) -> list[JsonValue]:
        """Every placement that could be made."""
        ...

    async def add_model(self, model_id: ModelId) -> CommandAnswer:
        """Resolve, describe and add a model. Raises `ModelError`."""
        ...

    async def model_folder(self, model_id: ModelId) -> JsonValue:
        """Where a model lies complete on this disk, or None. Raises `ModelError`."""
        ...

    async def downloads(self) -> list[JsonValue]:
        """Models on disks, whole or on their way."""
        ...

    async def start_download(self, model_id: ModelId, node_id: NodeId) -> None:
        """Bring a model to a node's disk. Raises `ModelError`."""
        ...

    async def cancel_download(self, model_id: ModelId, node_id: NodeId) -> None:
        """Do not go on with that. Raises `ModelError`."""
        ...

    async def submit(self, command: Command) -> CommandAnswer:
        """Have the master decide."""
        ...

    async def leave(self) -> CommandAnswer:
        """Leave the cluster; the node stops soon after an acceptance. Raises `UserError`."""
        ...

    async def accept_loss(self, confirmed: str | None) -> str:
        """What of the log is lost here; `confirmed`: that text, to go on without it. Raises `UserError`."""
        ...

    def generate(self, request: EngineRequest, model_id: ModelId) -> AsyncGenerator[Answer]:
        """Answer a request; closing the generator cancels it."""
        ...

    async def invite(self, minutes: float) -> str:
        """A join code."""
        ...

    async def invite_by_hand(self, minutes: float) -> str:
        """A text for a machine that reaches this one by no address. Raises `JoinError`."""
        ...

    async def answer_by_hand(self, answer: str) -> HandAnswered:
        """Link with the machine whose answer to that text this is."""
        ...

    async def extension(self, plugin: str) -> JsonObject:
        """What a plugin keeps in the cluster's state; empty where it keeps nothing."""
        ...

    def events(self, after: int, *, follow: bool) -> AsyncGenerator[JsonValue]:
        """The log from an index on, and (`follow`) what comes."""
        ...


class HandAnswered(Frozen):
    """What became of an answer: who is linked now, or why it was none, so that another is waited for."""

    node_id: NodeId | None = None
    problem: str = ""


@final
class LocalOperations:
    """`Operations` on a node of this process."""

    def __init__(self, node: NodeHandle) -> None:
        self._node = node

    async def status(self) -> JsonValue:
        """See `Operations`."""
        return state_document(self._node)

    async def catalogue(self) -> list[JsonValue]:
        """See `Operations`."""
        return [model_document(self._node.state, model_id) for model_id in await self._node.catalogue()]

    async def previews(self, model_id: ModelId) -> list[JsonValue]:
        """See `Operations`."""
        return [preview_document(preview) for preview in await self._node.previews(model_id)]

    async def add_model(self, model_id: ModelId) -> CommandAnswer:
        """See `Operations`."""
        return await self._node.add_model(model_id)

    async def model_folder(self, model_id: ModelId) -> JsonValue:
        """See `Operations`."""
        folder = await self._node.model_folder(model_id)
        return str(folder) if folder is not None else None

    async def downloads(self) -> list[JsonValue]:
        """See `Operations`."""
        return downloads_document(self._node)

    async def start_download(self, model_id: ModelId, node_id: NodeId) -> None:
        """See `Operations`."""
        await self._node.start_download(model_id, node_id)

    async def cancel_download(self, model_id: ModelId, node_id: NodeId) -> None:
        """See `Operations`."""
        await self._node.cancel_download(model_id, node_id)

    async def submit(self, command: Command) -> CommandAnswer:
        """See `Operations`."""
        return await self._node.submit(command)

    async def leave(self) -> CommandAnswer:
        """See `Operations`."""
        return await self._node.leave()

    async def accept_loss(self, confirmed: str | None) -> str:
        """See `Operations`."""
        return await self._node.accept_loss(confirmed)

    def generate(self, request: EngineRequest, model_id: ModelId) -> AsyncGenerator[Answer]:
        """See `Operations`."""
        return self._node.generate(request, model_id)

    async def invite(self, minutes: float) -> str:
        """See `Operations`."""
        return self._node.invite(minutes)

    async def invite_by_hand(self, minutes: float) -> str:
        """See `Operations`."""
        return await self._node.invite_by_hand(minutes)

    async def answer_by_hand(self, answer: str) -> HandAnswered:
        """See `Operations`."""
        try:
            return HandAnswered(node_id=await self._node.answer_by_hand(answer))
        except JoinError as problem:
            return HandAnswered(problem=str(problem))
        except ConnectError as problem:
            message = f"the two machines do not reach each other: {problem}. Run `exo invite --by-hand` again"
            raise UserError(message) from problem

    async def extension(self, plugin: str) -> JsonObject:
        """See `Operations`."""
        return dict(self._node.state.extensions.get(plugin, {}))

    async def events(self, after: int, *, follow: bool) -> AsyncGenerator[JsonValue]:
        """See `Operations`."""
        if not follow and after >= self._node.log.length:
            return
        async for item in self._node.events(after):
            yield log_document(item)
            if not follow and position_after(item) >= self._node.log.length:
                return
