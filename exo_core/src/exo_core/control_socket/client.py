"""A command's side of the control socket: `Operations` on the node that runs on this machine."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing
from pathlib import Path
from typing import cast, final

from exo_core.control_socket.messages import (
    QUESTION,
    REPLY,
    AcceptLossQuestion,
    AddModelQuestion,
    AnswerByHandQuestion,
    AnswerReply,
    CancelDownloadQuestion,
    CatalogueQuestion,
    CommandQuestion,
    CommandReply,
    Document,
    DownloadsQuestion,
    End,
    EventsQuestion,
    ExtensionQuestion,
    GenerateQuestion,
    InviteByHandQuestion,
    InviteQuestion,
    LeaveQuestion,
    ModelFolderQuestion,
    PreviewsQuestion,
    Problem,
    Question,
    Reply,
    StartDownloadQuestion,
    StatusQuestion,
)
from exo_core.control_socket.operations import HandAnswered
from exo_core.errors import LinkClosed, UserError, WireError
from exo_core.frozen import JsonObject, JsonValue
from exo_core.identifiers import ModelId, NodeId
from exo_core.requests import Answer, EngineRequest
from exo_core.state.commands import Command, CommandAnswer
from exo_core.wire.codec import decode, encode
from exo_core.wire.length_framed import read_message, write_message

LARGEST_REPLY_BYTES = 64 * 1024 * 1024


@final
class SocketOperations:
    """Every operation is one connection."""

    def __init__(self, path: Path) -> None:
        self._path = path

    async def status(self) -> JsonValue:
        """See `Operations`."""
        return await self._document(StatusQuestion())

    async def catalogue(self) -> list[JsonValue]:
        """See `Operations`."""
        return cast("list[JsonValue]", await self._document(CatalogueQuestion()))

    async def previews(self, model_id: ModelId) -> list[JsonValue]:
        """See `Operations`."""
        return cast("list[JsonValue]", await self._document(PreviewsQuestion(model_id=model_id)))

    async def add_model(self, model_id: ModelId) -> CommandAnswer:
        """See `Operations`."""
        return await self._command(AddModelQuestion(model_id=model_id))

    async def model_folder(self, model_id: ModelId) -> JsonValue:
        """See `Operations`."""
        return await self._document(ModelFolderQuestion(model_id=model_id))

    async def downloads(self) -> list[JsonValue]:
        """See `Operations`."""
        return cast("list[JsonValue]", await self._document(DownloadsQuestion()))

    async def start_download(self, model_id: ModelId, node_id: NodeId) -> None:
        """See `Operations`."""
        await self._until_end(StartDownloadQuestion(model_id=model_id, node_id=node_id))

    async def cancel_download(self, model_id: ModelId, node_id: NodeId) -> None:
        """See `Operations`."""
        await self._until_end(CancelDownloadQuestion(model_id=model_id, node_id=node_id))

    async def submit(self, command: Command) -> CommandAnswer:
        """See `Operations`."""
        return await self._command(CommandQuestion(command=command))

    async def leave(self) -> CommandAnswer:
        """See `Operations`."""
        return await self._command(LeaveQuestion())

    async def accept_loss(self, confirmed: str | None) -> str:
        """See `Operations`."""
        return cast("str", await self._document(AcceptLossQuestion(confirmed=confirmed)))

    async def generate(self, request: EngineRequest, model_id: ModelId) -> AsyncGenerator[Answer]:
        """See `Operations`."""
        async with aclosing(self._replies(GenerateQuestion(request=request, model_id=model_id))) as replies:
            async for reply in replies:
                if isinstance(reply, AnswerReply):
                    yield reply.answer

    async def invite(self, minutes: float) -> str:
        """See `Operations`."""
        return cast("str", await self._document(InviteQuestion(minutes=minutes)))

    async def invite_by_hand(self, minutes: float) -> str:
        """See `Operations`."""
        return cast("str", await self._document(InviteByHandQuestion(minutes=minutes)))

    async def answer_by_hand(self, answer: str) -> HandAnswered:
        """See `Operations`."""
        return HandAnswered.model_validate(await self._document(AnswerByHandQuestion(answer=answer)))

    async def extension(self, plugin: str) -> JsonObject:
        """See `Operations`."""
        return cast("JsonObject", await self._document(ExtensionQuestion(plugin=plugin)))

    async def events(self, after: int, *, follow: bool) -> AsyncGenerator[JsonValue]:
        """See `Operations`."""
        async with aclosing(self._replies(EventsQuestion(after=after, follow=follow))) as replies:
            async for reply in replies:
                if isinstance(reply, Document):
                    yield reply.value

    async def _until_end(self, question: Question) -> None:
        async for _ in self._replies(question):
            pass

    async def _document(self, question: Question) -> JsonValue:
        documents = [reply.value async for reply in self._replies(question) if isinstance(reply, Document)]
        return documents[0]

    async def _command(self, question: Question) -> CommandAnswer:
        answers = [reply.answer async for reply in self._replies(question) if isinstance(reply, CommandReply)]
        return answers[0]

    async def _replies(self, question: Question) -> AsyncGenerator[Reply]:
        """Replies up to `End`. Raises `UserError` for a `Problem`, or when the node goes away."""
        try:
            reader, writer = await asyncio.open_unix_connection(self._path)
        except OSError as problem:
            message = "the node has stopped. See: exo logs"
            raise UserError(message) from problem
        try:
            await write_message(writer, encode(QUESTION, question))
            while not isinstance(reply := decode(REPLY, await read_message(reader, largest=LARGEST_REPLY_BYTES)), End):
                if isinstance(reply, Problem):
                    raise UserError(reply.message)
                yield reply
        except (LinkClosed, WireError) as problem:
            message = "the node stopped while it answered. See: exo logs"
            raise UserError(message) from problem
        finally:
            writer.close()


async def node_is_running(path: Path) -> bool:
    """Whether somebody answers at the socket."""
    try:
        _, writer = await asyncio.open_unix_connection(path)
    except OSError:
        return False
    writer.close()
    return True
