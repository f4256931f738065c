"""A completion as server-sent events, one per token as long as the client keeps up."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Mapping, Sequence
from itertools import chain
from typing import final

from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from exo_api_openai.chunk_writer import DONE, ChunkWriter
from exo_api_openai.deltas import merged
from exo_api_openai.inbox import Inbox, Silence
from exo_api_openai.opening import acceptance, cancelled, failure, first_word
from exo_api_openai.usage import Usage
from exo_core.requests import Accepted, Answer, Chunk, Failed
from exo_http.disconnect import while_connected
from exo_http.errors import ApiError
from exo_http.event_stream import HEADERS, KEEP_ALIVE, MEDIA_TYPE
from exo_http.guards.failures import as_api_error

KEEP_ALIVE_SECONDS = 5.0


@final
class StreamedAnswer(Response):
    """Nothing is sent before the engine accepted, except while a model is loaded."""

    media_type = MEDIA_TYPE

    def __init__(
        self,
        answers: AsyncGenerator[Answer],
        writer: ChunkWriter,
        *,
        choices: int,
        include_usage: bool,
        headers: Mapping[str, str],
    ) -> None:
        super().__init__(headers={**HEADERS, **headers})
        del self.headers["content-length"]
        self._answers = answers
        self._writer = writer
        self._choices = choices
        self._include_usage = include_usage

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer; a client that goes away cancels the request at once."""
        await while_connected(receive, self._answer(scope, send))

    async def _answer(self, scope: Scope, send: Send) -> None:
        async with Inbox(self._answers) as inbox:
            accepted = await first_word(inbox)
            await send({"type": "http.response.start", "status": 200, "headers": self.raw_headers})
            try:
                accepted = accepted or await self._wait_for_load(inbox, send)
                await self._stream(inbox, accepted, send)
            except Exception as problem:  # too late for a status: the last event says it
                await _send(send, self._writer.error(as_api_error(problem, scope)))
        await send({"type": "http.response.body", "body": b"", "more_body": False})

    async def _wait_for_load(self, inbox: Inbox, send: Send) -> Accepted:
        waiting = asyncio.create_task(acceptance(inbox))
        try:
            while not waiting.done():
                await _send(send, KEEP_ALIVE)
                await asyncio.wait((waiting,), timeout=KEEP_ALIVE_SECONDS)
            return waiting.result()
        finally:
            waiting.cancel()

    async def _stream(self, inbox: Inbox, accepted: Accepted, send: Send) -> None:
        usage, unfinished = Usage(accepted=accepted), set(range(self._choices))
        await _send(send, self._writer.opening(self._choices))
        is_behind, clock = False, asyncio.get_running_loop().time
        spoke_at = clock()
        while (answer := await inbox.next_or_silence(KEEP_ALIVE_SECONDS)) is not None:
            answers = [] if isinstance(answer, Silence) else [answer, *inbox.rest()]
            for each in answers:
                usage.take(each)
            chunks, end = _tokens(answers)
            unfinished.difference_update(chunk.choice for chunk in chunks if chunk.finish is not None)
            if chunks:
                deltas = merged(chunks) if is_behind else chain.from_iterable(merged((chunk,)) for chunk in chunks)
                await _send(send, b"".join(map(self._writer.delta, deltas)))
                # Sending only pauses when the client's buffers are full; what arrived meanwhile is put together.
                is_behind, spoke_at = len(inbox) > 0, clock()
            elif clock() - spoke_at >= KEEP_ALIVE_SECONDS:
                # A replay waits for its model, or a long prompt is read: the client hears that we live.
                await _send(send, KEEP_ALIVE)
                spoke_at = clock()
            if end is not None:
                raise end
        if unfinished:
            raise cancelled()
        await _send(send, (self._writer.usage(usage) if self._include_usage else b"") + DONE)


def _tokens(answers: Sequence[Answer]) -> tuple[Sequence[Chunk], ApiError | None]:
    """The tokens among them, up to what makes it impossible to complete the answer, if anything does."""
    chunks: list[Chunk] = []
    for answer in answers:
        if isinstance(answer, Failed):
            return chunks, failure(answer)
        if isinstance(answer, Chunk):
            if answer.finish == "cancelled":
                return chunks, cancelled()
            chunks.append(answer)
    return chunks, None


async def _send(send: Send, body: bytes) -> None:
    """Waits while the client's buffers are full; the server cuts a client off that reads nothing for long."""
    await send({"type": "http.response.body", "body": body, "more_body": True})
