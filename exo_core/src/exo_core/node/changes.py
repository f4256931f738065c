"""Tells whoever wants to know that something about the node changed, at most ten times a second each."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import final

from exo_core.control_plane.change_counter import ChangeCounter
from exo_core.task_scope import TaskScope

SHORTEST_PAUSE_S = 0.1


@final
class Changes:
    """One flag per subscriber: changes that nobody looked at yet count as one. Belongs to the event loop."""

    def __init__(self) -> None:
        self._subscribers: set[asyncio.Event] = set()

    def tell(self) -> None:
        """Something changed."""
        for changed in self._subscribers:
            changed.set()

    @asynccontextmanager
    async def following(self, *counters: ChangeCounter) -> AsyncGenerator[None]:
        """Tell when one of these grows, while the context is open."""
        async with TaskScope() as tasks:
            for counter in counters:
                tasks.start(self._follow(counter), "following changes")
            yield

    async def _follow(self, counter: ChangeCounter) -> None:
        seen = -1
        while True:
            seen = await counter.wait(seen)
            self.tell()

    async def subscribe(self, *, pause_s: float = SHORTEST_PAUSE_S) -> AsyncGenerator[None]:
        """Yield at once, then after every change."""
        changed = asyncio.Event()
        changed.set()
        self._subscribers.add(changed)
        try:
            while True:
                await changed.wait()
                changed.clear()
                yield
                await asyncio.sleep(pause_s)
        finally:
            self._subscribers.discard(changed)
