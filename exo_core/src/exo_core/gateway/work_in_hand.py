"""What a gateway has in hand: is more of it taken, and when is none left?"""

from __future__ import annotations

import asyncio
from collections.abc import Generator
from contextlib import contextmanager
from typing import final


@final
class WorkInHand:
    """Requests of this node's clients, and those of other gateways that are answered here. Belongs to the loop."""

    def __init__(self) -> None:
        self.is_closed = False
        """Whether nothing more is taken."""
        self._count = 0
        self._none_left = asyncio.Event()
        self._none_left.set()

    def close(self) -> None:
        """Take nothing more; what is in hand goes on."""
        self.is_closed = True

    @contextmanager
    def one(self) -> Generator[None]:
        """A piece of work, in hand while this is entered."""
        self._count += 1
        self._none_left.clear()
        try:
            yield
        finally:
            self._count -= 1
            if not self._count:
                self._none_left.set()

    async def none_left(self) -> None:
        """Wait until nothing is in hand."""
        await self._none_left.wait()
