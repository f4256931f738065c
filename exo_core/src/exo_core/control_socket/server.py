"""The node's side of the control socket: one question per connection, answered by `LocalOperations`."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncGenerator
from contextlib import aclosing, asynccontextmanager
from pathlib import Path

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
from exo_core.control_socket.operations import Operations
from exo_core.errors import ExoError, HomeError, LinkClosed, WireError
from exo_core.raised_at import raised_at
from exo_core.task_scope import TaskScope
from exo_core.wire.codec import decode, encode
from exo_core.wire.length_framed import read_message, write_message

logger = logging.getLogger(__name__)

LARGEST_QUESTION_BYTES = 16 * 1024 * 1024
"""A conversation fits; a mistake does not fill memory."""


@asynccontextmanager
async def serving(path: Path, operations: Operations) -> AsyncGenerator[None]:
    """Listen at `path` while the context is open. Raises `HomeError` when it cannot."""

    calls = TaskScope()

    def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if calls.start(_answer(reader, writer, operations), "a command's call") is None:
            writer.close()

    path.unlink(missing_ok=True)  # the home's lock is ours, so a socket left there is nobody's
    try:
        server = await asyncio.start_unix_server(connected, path=path)
    except OSError as problem:
        message = f"cannot listen at {path}: {problem.strerror}"
        raise HomeError(message) from problem
    path.chmod(0o600)
    try:
        async with calls:
            yield
    finally:
        server.close()
        path.unlink(missing_ok=True)


async def _answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, operations: Operations) -> None:
    """One connection from its question to `End`; a caller that hangs up cancels the rest."""
    try:
        question = decode(QUESTION, await read_message(reader, largest=LARGEST_QUESTION_BYTES))
        replying = asyncio.ensure_future(_reply_all(question, writer, operations))
        hung_up = asyncio.ensure_future(reader.read(1))
        try:
            await asyncio.wait((replying, hung_up), return_when=asyncio.FIRST_COMPLETED)
        finally:
            hung_up.cancel()
            replying.cancel()
            await asyncio.gather(replying, hung_up, return_exceptions=True)
    except (LinkClosed, WireError) as problem:
        logger.debug("a command's connection ended: %s", problem)
    finally:
        writer.close()


async def _reply_all(question: Question, writer: asyncio.StreamWriter, operations: Operations) -> None:
    async def send(reply: Reply) -> None:
        await write_message(writer, encode(REPLY, reply))

    try:
        async with aclosing(_replies(question, operations)) as replies:
            async for reply in replies:
                await send(reply)
        await send(End())
    except LinkClosed:
        pass  # the command is gone; closing the replies cancelled what it asked for
    except ExoError as problem:
        await send(Problem(message=str(problem)))
    except Exception as problem:
        logger.error("a command failed: %s", raised_at(problem))
        await send(Problem(message=f"the node failed to answer: {type(problem).__name__}: {problem}. See: exo logs"))


async def _replies(question: Question, operations: Operations) -> AsyncGenerator[Reply]:
    match question:
        case StatusQuestion():
            yield Document(value=await operations.status())
        case CatalogueQuestion():
            yield Document(value=await operations.catalogue())
        case PreviewsQuestion():
            yield Document(value=await operations.previews(question.model_id))
        case AddModelQuestion():
            yield CommandReply(answer=await operations.add_model(question.model_id))
        case ModelFolderQuestion():
            yield Document(value=await operations.model_folder(question.model_id))
        case DownloadsQuestion():
            yield Document(value=await operations.downloads())
        case StartDownloadQuestion():
            await operations.start_download(question.model_id, question.node_id)
        case CancelDownloadQuestion():
            await operations.cancel_download(question.model_id, question.node_id)
        case CommandQuestion():
            yield CommandReply(answer=await operations.submit(question.command))
        case LeaveQuestion():
            yield CommandReply(answer=await operations.leave())
        case AcceptLossQuestion():
            yield Document(value=await operations.accept_loss(question.confirmed))
        case InviteQuestion():
            yield Document(value=await operations.invite(question.minutes))
        case InviteByHandQuestion():
            yield Document(value=await operations.invite_by_hand(question.minutes))
        case AnswerByHandQuestion():
            answered = await operations.answer_by_hand(question.answer)
            yield Document(value={"node_id": answered.node_id, "problem": answered.problem})
        case ExtensionQuestion():
            yield Document(value=await operations.extension(question.plugin))
        case EventsQuestion():
            async with aclosing(operations.events(question.after, follow=question.follow)) as events:
                async for event in events:
                    yield Document(value=event)
        case GenerateQuestion():
            async with aclosing(operations.generate(question.request, question.model_id)) as answers:
                async for answer in answers:
                    yield AnswerReply(answer=answer)
