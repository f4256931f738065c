"""Server-sent events: an answer that goes on until its source or its client ends."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing
from typing import final

from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from exo_core.frozen import JsonValue
from exo_http.disconnect import while_connected

KEEP_ALIVE = b": keep-alive\n\n"
SILENCE_SECONDS = 15.0
HEADERS = {"Cache-Control": "no-cache", "X-Accel-Buffering": "no"}
MEDIA_TYPE = "text/event-stream"


def event(name: str, data: JsonValue, *, identifier: str | None = None) -> bytes:
    """One event with JSON data."""
    first = f"id: {identifier}\n" if identifier is not None else ""
    return f"{first}event: {name}\ndata: {json.dumps(data, ensure_ascii=False)}\n\n".encode()


@final
class EventStream(Response):
    """Sends each block of bytes that `events` yields, and a comment when it is silent for 15 s.

    `events` is closed at once when the client goes away.
    """

    media_type = MEDIA_TYPE

    def __init__(self, events: AsyncGenerator[bytes, None]) -> None:
        super().__init__(headers=HEADERS)
        del self.headers["content-length"]
        self._events = events

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Start the answer and stream until either side ends."""
        await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
        await while_connected(receive, self._stream(send))

    async def _stream(self, send: Send) -> None:
        async with aclosing(self._events), aclosing(never_silent(self._events)) as blocks:
            async for block in blocks:
                await send({"type": "http.response.body", "body": block, "more_body": True})
        await send({"type": "http.response.body", "body": b"", "more_body": False})


async def never_silent(events: AsyncIterator[bytes], seconds: float = SILENCE_SECONDS) -> AsyncGenerator[bytes, None]:
    """The same events, with a keep-alive comment whenever none came for `seconds`."""
    pending: asyncio.Future[bytes] | None = None
    try:
        while True:
            pending = pending or asyncio.ensure_future(anext(events))
            done, _ = await asyncio.wait((pending,), timeout=seconds)
            if not done:
                yield KEEP_ALIVE
                continue
            try:
                block = pending.result()
            except StopAsyncIteration:
                return
            pending = None
            yield block
    finally:
        if pending is not None:
            pending.cancel()
            await asyncio.wait((pending,))
            if not pending.cancelled():
                pending.exception()  # seen: it came as its reader went
