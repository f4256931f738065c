"""How a gateway reaches the head of an instance on whichever node it lives.

One stream per request: it opens with an `EngineCall`, then brings one `Answer` per message; the caller cancels by
closing it. On the head's own node nothing is serialized.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncGenerator
from contextlib import aclosing

from pydantic import TypeAdapter

from exo_core.errors import LinkClosed, WireError
from exo_core.gateway.engine_call import EngineCall, instance_lost
from exo_core.gateway.local_heads import LocalHeads
from exo_core.identifiers import NodeId
from exo_core.messaging import Messenger, Stream
from exo_core.requests import Answer, Failed, Refused
from exo_core.wire.codec import decode, encode

STREAM = "engine"
HAND_BACK_PATIENCE_S = 0.5


_CALL: TypeAdapter[EngineCall] = TypeAdapter(EngineCall)
_ANSWER: TypeAdapter[Answer] = TypeAdapter(Answer)


async def call_engine(
    messenger: Messenger, node_id: NodeId, heads: LocalHeads, call: EngineCall
) -> AsyncGenerator[Answer]:
    """Answers of the head, here or elsewhere. Ends after the last one; a lost peer is `Failed(instance_lost)`."""
    here = node_id == messenger.node_id
    source = heads.answers(call) if here else _answers_from(messenger, node_id, call)
    async with aclosing(source):
        async for answer in source:
            yield answer


async def _answers_from(messenger: Messenger, node_id: NodeId, call: EngineCall) -> AsyncGenerator[Answer]:
    try:
        stream = await messenger.open_stream(node_id, STREAM, encode(_CALL, call))
    except LinkClosed:
        yield instance_lost("the machine that holds the model's first layers cannot be reached; ask again")
        return
    try:
        while True:
            answer = decode(_ANSWER, await stream.receive())
            yield answer
            if isinstance(answer, Refused | Failed):
                return
    except LinkClosed:
        yield instance_lost("the machine that holds the model's first layers went away during the answer; ask again")
    finally:
        await stream.close()


async def serve_engine_call(stream: Stream, opening: bytes, heads: LocalHeads, *, until: asyncio.Event) -> None:
    """The head's node's side: pass a runner's answers on until they end or the gateway closes the stream.

    When `until` is set, what is not over is handed back.
    """
    call = decode(_CALL, opening)
    async with aclosing(heads.answers(call)) as answers, asyncio.TaskGroup() as tasks:
        sending = tasks.create_task(_send_all(stream, answers))
        closed, over = tasks.create_task(_until_closed(stream)), tasks.create_task(until.wait())
        await asyncio.wait((sending, closed, over), return_when=asyncio.FIRST_COMPLETED)
        is_handed_back = not (sending.done() or closed.done())
        for task in (sending, closed, over):
            task.cancel()
    if is_handed_back:
        await hand_back(stream)


async def hand_back(stream: Stream) -> None:
    """Tell the gateway that another head has to answer, without waiting for one that does not read."""
    with contextlib.suppress(LinkClosed, TimeoutError):
        async with asyncio.timeout(HAND_BACK_PATIENCE_S):
            await stream.send(encode(_ANSWER, Failed(code="stopping", message="the head's machine is stopping")))


async def _send_all(stream: Stream, answers: AsyncGenerator[Answer]) -> None:
    try:
        async for answer in answers:
            await stream.send(encode(_ANSWER, answer))
    except LinkClosed:
        pass  # the gateway hung up; leaving cancels the request


async def _until_closed(stream: Stream) -> None:
    """Return when the gateway closes; it sends nothing, so anything else is a broken peer."""
    try:
        await stream.receive()
    except LinkClosed:
        return
    message = "a gateway sent something on an engine stream"
    raise WireError(message)
