"""What an engine has answered and a client has not read. The engine never waits; a client too far behind is cut off."""

from __future__ import annotations

import asyncio
from collections import deque
from typing import final

from exo_core.requests import Answer, Chunk

LARGEST_BACKLOG_BYTES = 1024 * 1024
_OVERHEAD_BYTES = 64  # of an answer besides its text, roughly


@final
class Backlog:
    """A queue between one engine and one client, bounded in bytes. `None` out of it means: the end."""

    def __init__(self) -> None:
        self._answers: deque[Answer] = deque()
        self._bytes = 0
        self._ended = False
        self._wake = asyncio.Event()

    def put(self, answer: Answer) -> bool:
        """Take an answer; False when the client is too far behind."""
        self._answers.append(answer)
        self._bytes += _size(answer)
        self._wake.set()
        return self._bytes <= LARGEST_BACKLOG_BYTES

    def end(self) -> None:
        """Nothing follows."""
        self._ended = True
        self._wake.set()

    async def get(self) -> Answer | None:
        """The next answer, waiting for it; None at the end."""
        while not self._answers:
            if self._ended:
                return None
            self._wake.clear()
            await self._wake.wait()
        answer = self._answers.popleft()
        self._bytes -= _size(answer)
        return answer


def _size(answer: Answer) -> int:
    return _OVERHEAD_BYTES + (len(answer.text) if isinstance(answer, Chunk) else 0)
