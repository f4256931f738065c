"""Who in this node handles which message, question and stream?"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, TypeVar, cast, final

from exo_core.errors import CallFailed, LinkClosed
from exo_core.identifiers import NodeId
from exo_core.messaging import Call, Priority, Stream, Topic
from exo_core.raised_at import raised_at
from exo_core.wire.codec import decode, encode

logger = logging.getLogger(__name__)

MessageT = TypeVar("MessageT")
ReplyT = TypeVar("ReplyT")
StreamHandler = Callable[[Stream, bytes], Awaitable[None]]


@dataclass(frozen=True)
class _MessageHandler:
    topic: Topic[Any]
    handle: Callable[[NodeId, Any], None]


@dataclass(frozen=True)
class _CallHandler:
    call: Call[Any, Any]
    answer: Callable[[NodeId, Any], Awaitable[Any]]


@final
class Handlers:
    """Handlers by name. What a handler raises is logged here and harms nobody else."""

    def __init__(self) -> None:
        self._messages: dict[str, _MessageHandler] = {}
        self._calls: dict[str, _CallHandler] = {}
        self._streams: dict[str, StreamHandler] = {}
        self.unknown = 0
        """Messages of topics that nobody here handles (a newer peer, a plugin we lack)."""

    def on_message(self, topic: Topic[MessageT], handler: Callable[[NodeId, MessageT], None]) -> None:
        """See `Messenger.on_message`."""
        _once(self._messages, topic.name, _MessageHandler(topic, handler))

    def on_call(self, call: Call[MessageT, ReplyT], handler: Callable[[NodeId, MessageT], Awaitable[ReplyT]]) -> None:
        """See `Messenger.on_call`."""
        _once(self._calls, call.name, _CallHandler(call, handler))

    def on_stream(self, name: str, handler: StreamHandler) -> None:
        """See `Messenger.on_stream`."""
        _once(self._streams, name, handler)

    def take_bytes(self, sender: NodeId, name: str, body: bytes) -> None:
        """Handle a message that came over a link. Raises `WireError` when it is not of its topic's type."""
        handler = self._messages.get(name)
        if handler is None:
            self.unknown += 1
            return
        _handle(handler, sender, decode(handler.topic.adapter, body))

    def take(self, sender: NodeId, name: str, message: object) -> bool:
        """Handle a message of this node to itself; False when nobody does."""
        handler = self._messages.get(name)
        if handler is not None:
            _handle(handler, sender, message)
        return handler is not None

    def question(self, name: str, body: bytes) -> object:
        """The question in `body`. Raises `CallFailed` for a call unknown here, `WireError` for a broken question."""
        return decode(self._call(name).call.question, body)

    def priority(self, name: str) -> Priority:
        """With which priority a call is answered. Raises `CallFailed`."""
        return self._call(name).call.priority

    async def answer(self, sender: NodeId, name: str, question: object) -> object:
        """The handler's answer. Raises `CallFailed`, also for what the handler raised."""
        handler = self._call(name)
        try:
            return cast("object", await handler.answer(sender, question))
        except Exception as problem:
            logger.warning("answering %s from %s failed: %s", name, sender, raised_at(problem))
            message = f"'{name}' failed: {type(problem).__name__}: {problem}"
            raise CallFailed(message) from problem

    async def answer_bytes(self, sender: NodeId, name: str, question: object) -> bytes:
        """Like `answer`, ready for a link."""
        return encode(self._call(name).call.reply, await self.answer(sender, name, question))

    def stream(self, name: str) -> StreamHandler | None:
        """Who takes streams of that name."""
        return self._streams.get(name)

    def _call(self, name: str) -> _CallHandler:
        handler = self._calls.get(name)
        if handler is None:
            message = f"nobody answers '{name}' there"
            raise CallFailed(message)
        return handler


async def handle_stream(handler: StreamHandler, name: str, stream: Stream, opening: bytes) -> None:
    """Run a stream's handler; the stream is closed afterwards. That the other side closed it first is no failure."""
    try:
        await handler(stream, opening)
    except LinkClosed as end:
        logger.debug("stream %s with %s ended: %s", name, stream.peer, end)
    finally:
        await stream.close()


def _handle(handler: _MessageHandler, sender: NodeId, message: object) -> None:
    try:
        handler.handle(sender, message)
    except Exception as problem:
        logger.error("handling a message of %s from %s failed: %s", handler.topic.name, sender, raised_at(problem))


HandlerT = TypeVar("HandlerT")


def _once(table: dict[str, HandlerT], name: str, handler: HandlerT) -> None:
    if name in table:
        message = f"'{name}' has a handler already"
        raise ValueError(message)
    table[name] = handler
