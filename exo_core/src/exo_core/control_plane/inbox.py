"""What happened and was not yet handled; taken all at once, so that it goes to the disk in one write."""

from __future__ import annotations

import asyncio
from typing import final

from exo_core.control_plane.inputs import Input


@final
class Inbox:
    """Filled and emptied on one event loop."""

    def __init__(self) -> None:
        self._items: list[Input] = []
        self._filled = asyncio.Event()

    def put(self, item: Input) -> None:
        """Add one."""
        self._items.append(item)
        self._filled.set()

    async def take(self) -> list[Input]:
        """Wait for at least one, and take all."""
        await self._filled.wait()
        self._filled.clear()
        items, self._items = self._items, []
        return items
