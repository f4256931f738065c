"""One attempt at a request: the answers of one head, read in a task of its own.

So a reader may give up waiting, look around, and go on waiting where it was: a time-out around the answers themselves
would end them.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing
from types import TracebackType
from typing import Self, final

from exo_core.requests import Answer


@final
class Attempt:
    """Entered, it reads `answers`; left, it closes them, which cancels the attempt at the engine. One reader."""

    def __init__(self, answers: AsyncGenerator[Answer]) -> None:
        self._answers = answers
        self._arrived: asyncio.Queue[Answer | None] = asyncio.Queue()
        self._reading: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        self._reading = asyncio.create_task(self._read(), name="reading an attempt")
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, problem: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._reading is not None:
            self._reading.cancel()
            await asyncio.gather(self._reading, return_exceptions=True)

    async def next(self, until: float) -> Answer | None:
        """The next answer; None at the end. Raises `TimeoutError` at loop time `until`, and what reading raised."""
        if self._arrived.empty():
            async with asyncio.timeout_at(until):
                answer = await self._arrived.get()
        else:
            answer = self._arrived.get_nowait()
        if answer is None and self._reading is not None:
            await self._reading
        return answer

    async def _read(self) -> None:
        try:
            async with aclosing(self._answers):
                async for answer in self._answers:
                    self._arrived.put_nowait(answer)
        finally:
            self._arrived.put_nowait(None)
