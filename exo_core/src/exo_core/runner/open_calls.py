"""The calls a node has open with a runner: where each one's answers wait to be read."""

from __future__ import annotations

import asyncio
from itertools import count
from typing import final

from exo_core.requests import Answer, Failed
from exo_core.runner.messages import Answers


@final
class OpenCalls:
    """Belongs to the event loop."""

    def __init__(self) -> None:
        self._numbers = count(1)
        self._queues: dict[int, asyncio.Queue[Answer]] = {}

    def __len__(self) -> int:
        return len(self._queues)

    def open(self) -> tuple[int, asyncio.Queue[Answer]]:
        """A new call's number, and where its answers come."""
        number = next(self._numbers)
        queue = self._queues[number] = asyncio.Queue()
        return number, queue

    def close(self, number: int) -> None:
        """Nobody reads this call's answers any more."""
        self._queues.pop(number, None)

    def deliver(self, message: Answers) -> None:
        """Hand answers to those who wait."""
        for answered in message.answers:
            queue = self._queues.get(answered.call)
            if queue is not None:
                queue.put_nowait(answered.answer)

    def fail_all(self, detail: str) -> None:
        """The runner is gone."""
        for queue in self._queues.values():
            queue.put_nowait(Failed(code="instance_lost", message=detail))
