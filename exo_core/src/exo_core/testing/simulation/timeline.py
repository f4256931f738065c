"""Virtual time: what is going to happen, in order."""

from __future__ import annotations

import heapq
from collections.abc import Callable
from typing import final


@final
class Timeline:
    """What is asked for the same moment happens in the order in which it was asked."""

    def __init__(self) -> None:
        self.now = 0.0
        self._queue: list[tuple[float, int, Callable[[], object]]] = []
        self._asked = 0

    def at(self, moment: float, action: Callable[[], object]) -> None:
        """Do this then; at once, if that is past."""
        self._asked += 1
        heapq.heappush(self._queue, (max(moment, self.now), self._asked, action))

    def after(self, seconds: float, action: Callable[[], object]) -> None:
        """Do this so much later."""
        self.at(self.now + seconds, action)

    def run(self, seconds: float) -> None:
        """Let time pass."""
        until = self.now + seconds
        while self._queue and self._queue[0][0] <= until:
            self.now, _, action = heapq.heappop(self._queue)
            action()
        self.now = until
