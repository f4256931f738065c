"""Answers of an engine on their way to one client, taken from the gateway as they come."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from types import TracebackType
from typing import Self, final

from exo_core.requests import Answer

LARGEST = 1024
"""Answers held here; more wait in the gateway, which cuts off a client that stays far behind."""


@final
class Silence:
    """Nothing came for a while."""


SILENCE = Silence()


@final
class Inbox:
    """Entered, it reads `answers`; left, it closes them, which cancels the request. One reader."""

    def __init__(self, answers: AsyncGenerator[Answer]) -> None:
        self._answers = answers
        self._waiting: asyncio.Queue[Answer | Exception | Silence | None] = asyncio.Queue(LARGEST)
        self._pump: asyncio.Task[None] | None = None
        self._listening_since: float | None = None
        self._timer: asyncio.TimerHandle | None = None
        """One for the whole stream: a timer for each token would cost more than its text."""

    async def __aenter__(self) -> Self:
        self._pump = asyncio.create_task(self._read())
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, problem: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._timer is not None:
            self._timer.cancel()
        if self._pump is not None:
            self._pump.cancel()
            await asyncio.wait((self._pump,))

    def __len__(self) -> int:
        """How many wait."""
        return self._waiting.qsize()

    async def next(self) -> Answer | None:
        """The next answer, waiting for it; None at the end. Raises what reading them raised."""
        while isinstance(answer := await self._waiting.get(), Silence):
            pass  # of an earlier wait
        return _taken(answer)

    async def next_or_silence(self, seconds: float) -> Answer | Silence | None:
        """The next answer, or `SILENCE` when none comes for so long."""
        self._listening_since = asyncio.get_running_loop().time()
        if self._timer is None:
            self._look_after(seconds, seconds)
        try:
            answer = await self._waiting.get()
        finally:
            self._listening_since = None
        return answer if isinstance(answer, Silence) else _taken(answer)

    def _look_after(self, delay: float, seconds: float) -> None:
        self._timer = asyncio.get_running_loop().call_later(delay, self._look, seconds)

    def _look(self, seconds: float) -> None:
        """Tell a reader who has waited for so long; look again when that may be so."""
        left = seconds
        if self._listening_since is not None:
            left = self._listening_since + seconds - asyncio.get_running_loop().time()
            if left <= 0 and self._waiting.empty():
                self._waiting.put_nowait(SILENCE)
        self._look_after(left if left > 0 else seconds, seconds)

    def rest(self) -> Sequence[Answer]:
        """Everything that waits already, without waiting. What ends the answers stays for `next`."""
        taken: list[Answer] = []
        while not self._waiting.empty():
            answer = self._waiting.get_nowait()
            if answer is None or isinstance(answer, Exception | Silence):
                self._waiting.put_nowait(answer)  # it was the last one, so the order stays
                break
            taken.append(answer)
        return taken

    async def _read(self) -> None:
        last: Exception | None = None
        try:
            async with aclosing(self._answers):
                async for answer in self._answers:
                    await self._waiting.put(answer)
        except Exception as problem:  # raised again in the reader, who can tell the client
            last = problem
        await self._waiting.put(last)


def _taken(answer: Answer | Exception | None) -> Answer | None:
    if isinstance(answer, Exception):
        raise answer
    return answer
