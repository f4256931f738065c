"""Telling coroutines of one event loop that something changed, without saying what."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import final


@final
class ChangeCounter:
    """A number that grows with every change."""

    def __init__(self) -> None:
        self.version = 0
        self._event = asyncio.Event()

    def notify(self) -> None:
        """Something changed."""
        self.version += 1
        self._event.set()
        self._event = asyncio.Event()

    async def wait(self, seen: int) -> int:
        """Return the version once it differs from `seen`."""
        while self.version == seen:
            await self._event.wait()
        return self.version

    async def wait_until(self, is_so: Callable[[], bool], timeout: float) -> bool:
        """Return once that is so, which only a change can make it: True; False after `timeout` seconds."""
        try:
            async with asyncio.timeout(timeout):
                while not is_so():
                    await self.wait(self.version)
        except TimeoutError:
            return False
        return True
