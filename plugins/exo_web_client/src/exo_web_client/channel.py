"""A browser's channel: takes its requests, has them answered, and ends them when it goes."""

from __future__ import annotations

import asyncio
import json
import logging
import time
from collections.abc import Callable
from typing import Final, final

from exo_core.errors import LinkClosed, WireError
from exo_core.task_scope import TaskScope
from exo_core.transports import Link
from exo_http.door import Door
from exo_http.errors import error_body
from exo_http.key_limits import Allowance
from exo_http.operation import Scope
from exo_web_client.carried_request import CarriedRequest
from exo_web_client.channel_messages import Answered, Cancel, End, Request, Start, Text, read, write

logger = logging.getLogger(__name__)

MOST: Final[frozenset[Scope]] = frozenset({"infer"})
"""A browser asks models; what it takes to run a cluster is not done from afar."""

REQUESTS_AT_ONCE: Final = 8
MESSAGES_PER_MINUTE: Final = 240
"""Requests and cancellations. One more is refused; a key may have limits of its own."""

UNREAD_SECONDS: Final = 60.0
"""A browser that takes nothing for so long while an answer waits for it is given up."""


@final
class BrowserChannel:
    """Works while `serve` does."""

    def __init__(self, link: Link, door: Door, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._link = link
        self._door = door
        self._monotonic = monotonic
        self._allowance = Allowance(MESSAGES_PER_MINUTE, monotonic())
        self._speaking = asyncio.Lock()
        self._running: dict[int, asyncio.Task[None]] = {}

    async def serve(self) -> None:
        """Until the browser goes or breaks a rule; what it still waits for then is cancelled."""
        async with TaskScope() as scope:
            try:
                while True:
                    await self._take(await self._link.receive(), scope)
            except LinkClosed as gone:
                logger.info("a browser went: %s", gone)
            except WireError as problem:
                logger.warning("a browser is sent away: %s", problem)

    async def _take(self, data: bytes | bytearray | memoryview, scope: TaskScope) -> None:
        asked = read(data)
        wait_s = self._allowance.wait_s(self._monotonic())
        self._allowance.use(1, self._monotonic())
        if isinstance(asked, Cancel):
            running = self._running.get(asked.number)
            if running is not None:
                running.cancel()
        elif asked.number in self._running:
            message = "a number that is in use was given to another request"
            raise WireError(message)
        elif wait_s or len(self._running) >= REQUESTS_AT_ONCE:
            await self._refuse(asked)
        else:
            self._start(asked, scope)

    def _start(self, request: Request, scope: TaskScope) -> None:
        task = scope.start(self._answer(request), "a browser's request")
        if task is not None:
            self._running[request.number] = task
            task.add_done_callback(lambda _: self._running.pop(request.number, None))

    async def _answer(self, request: Request) -> None:
        carried = CarriedRequest(request, self._say)
        try:
            await self._door.answer(carried.scope, carried.receive, carried.send, most=MOST)
        except Exception:  # the front door has logged it; the browser must not wait for the rest
            await self._say(End(number=request.number, problem="the answer was cut off"))

    async def _refuse(self, request: Request) -> None:
        message = f"a page may ask {REQUESTS_AT_ONCE} things at once and {MESSAGES_PER_MINUTE} a minute"
        text = json.dumps(error_body(429, "too_many_requests", message))
        headers = {"content-type": "application/json", "retry-after": "1"}
        for said in (
            Start(number=request.number, status=429, headers=headers),
            Text(number=request.number, text=text),
            End(number=request.number),
        ):
            await self._say(said)

    async def _say(self, answered: Answered) -> None:
        """One message at a time, as links want it. To a browser that has gone nothing is said: `serve` ends then."""
        try:
            async with asyncio.timeout(UNREAD_SECONDS), self._speaking:
                await self._link.send(write(answered))
        except LinkClosed:
            return
        except TimeoutError:
            logger.warning("a browser is sent away: it read nothing for %.0f s", UNREAD_SECONDS)
            await self._link.close()
