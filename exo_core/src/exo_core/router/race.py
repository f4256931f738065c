"""Which of a listener's addresses answers first? The best is tried first, and each next one a moment later.

An address that swallows everything must not cost its whole time-out, and a better address must not lose by a hair: so
each has a head start over the next, which is tried at once when those before it have failed (as RFC 8305 has it).
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from typing import Generic, TypeVar, final

from exo_core.errors import ConnectError
from exo_core.transports import Ticket

LinkT = TypeVar("LinkT")
Failed = Callable[[Ticket, ConnectError], None]


@final
class Race(Generic[LinkT]):
    """One race over `tickets`, best first. `failed` hears of each that raised `ConnectError`.

    `close` is for links that nobody takes. `head_start` says for how many seconds those before a ticket are tried
    without it, by `sleep`.
    """

    def __init__(
        self,
        tickets: Sequence[Ticket],
        connect: Callable[[Ticket], Awaitable[LinkT]],
        failed: Failed,
        *,
        close: Callable[[LinkT], Awaitable[None]],
        sleep: Callable[[float], Awaitable[None]],
        head_start: Callable[[Ticket], float],
    ) -> None:
        self._waiting = deque(tickets)
        self._connect = connect
        self._failed = failed
        self._close = close
        self._sleep = sleep
        self._head_start = head_start
        self._running: dict[asyncio.Task[LinkT], Ticket] = {}

    async def links(self) -> AsyncGenerator[tuple[Ticket, LinkT]]:
        """The links as they come up; whoever takes one has to close it. Closing the generator gives up the rest."""
        try:
            while self._waiting or self._running:
                if self._waiting:
                    ticket = self._waiting.popleft()
                    self._running[asyncio.ensure_future(self._connect(ticket))] = ticket
                for task in await self._some_ended():
                    ticket = self._running.pop(task)
                    try:
                        link = task.result()
                    except ConnectError as problem:
                        self._failed(ticket, problem)
                    else:
                        yield ticket, link
        finally:
            await self._give_up()

    async def _some_ended(self) -> Sequence[asyncio.Task[LinkT]]:
        """Return when the next address is due, with the attempts that ended meanwhile."""
        head_start = self._next_is_due() if self._waiting else None
        waits: set[asyncio.Future[LinkT] | asyncio.Future[None]] = {*self._running}
        try:
            await asyncio.wait(
                waits if head_start is None else {*waits, head_start}, return_when=asyncio.FIRST_COMPLETED
            )
        finally:
            if head_start is not None:
                head_start.cancel()
        return [task for task in self._running if task.done()]

    def _next_is_due(self) -> asyncio.Future[None]:
        return asyncio.ensure_future(self._sleep(self._head_start(self._waiting[0])))

    async def _give_up(self) -> None:
        for task in self._running:
            task.cancel()
        for ended in await asyncio.gather(*self._running, return_exceptions=True):
            if not isinstance(ended, BaseException):
                await self._close(ended)
