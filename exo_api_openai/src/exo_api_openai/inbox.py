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
class Inbox:
    """Entered, it reads `answers`; left, it closes them, which cancels the request. One reader."""

    def __init__(self, answers: AsyncGenerator[Answer]) -> None:
        self._answers = answers
        self._waiting: asyncio.Queue[Answer | Exception | None] = asyncio.Queue(LARGEST)
        self._pump: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        self._pump = asyncio.create_task(self._read())
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, problem: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._pump is not None:
            self._pump.cancel()
            await asyncio.wait((self._pump,))

    def __len__(self) -> int:
        """How many wait."""
        return self._waiting.qsize()

    async def next(self) -> Answer | None:
        """The next answer, waiting for it; None at the end. Raises what reading them raised."""
        answer = await self._waiting.get()
        if isinstance(answer, Exception):
            raise answer
        return answer

    def rest(self) -> Sequence[Answer]:
        """Everything that waits already, without waiting. What ends the answers stays for `next`."""
        taken: list[Answer] = []
        while not self._waiting.empty():
            answer = self._waiting.get_nowait()
            if answer is None or isinstance(answer, Exception):
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
