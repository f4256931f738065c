"""Telling any number of waiters that something changed."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from typing import final


@final
class Changes:
    """Waiters miss no change: what happened between two waits is told at the next."""

    def __init__(self) -> None:
        self._count = 0
        self._next = asyncio.Event()

    def notify(self) -> None:
        """Something changed."""
        self._count += 1
        self._next.set()
        self._next = asyncio.Event()

    async def watch(self) -> AsyncGenerator[None]:
        """Yields at once, then after each change (several may be one)."""
        seen = -1
        while True:
            while seen == self._count:
                await self._next.wait()
            seen = self._count
            yield
