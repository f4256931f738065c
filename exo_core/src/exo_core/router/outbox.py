"""What waits for one link, and which of it goes next?"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Sequence
from typing import Final, Literal, final

from exo_core.messaging import Priority
from exo_core.wire.frames import REPLY, Frame

Turn = Priority | Literal["last"]
"""`last` is for the goodbye alone: it goes when everything else has gone."""

_ORDER: Final[tuple[Turn, ...]] = ("control", "tokens", "bulk", "last")


@final
class Outbox:
    """Frames by priority, each priority first in, first out.

    Frames of streams are bounded by the streams' credit; messages, questions and replies by `limit` bytes a priority.
    """

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._waiting: dict[Turn, deque[Frame]] = {turn: deque() for turn in _ORDER}
        self._in_order = tuple(self._waiting.values())
        self._held: dict[Turn, int] = dict.fromkeys(_ORDER, 0)
        self._waiter: asyncio.Future[None] | None = None

    def push(self, turn: Turn, frame: Frame) -> None:
        """Queue a frame whose number something else bounds."""
        self._waiting[turn].append(frame)
        self._wake()

    def offer(self, turn: Turn, frames: Sequence[Frame]) -> bool:
        """Queue a message; False, and nothing is queued, when too much waits already."""
        size = sum(len(frame.payload) for frame in frames)
        if self._held[turn] and self._held[turn] + size > self._limit:
            return False
        self._held[turn] += size
        self._waiting[turn].extend(frames)
        self._wake()
        return True

    def pop(self) -> Frame | None:
        """The most urgent frame, or None when nothing waits."""
        for turn, frames in zip(_ORDER, self._in_order, strict=True):
            if frames:
                frame = frames.popleft()
                if frame.kind <= REPLY:
                    self._held[turn] -= len(frame.payload)
                return frame
        return None

    async def filled(self) -> None:
        """Return once something waits. For one caller."""
        if any(self._in_order):
            return
        self._waiter = asyncio.get_running_loop().create_future()
        try:
            await self._waiter
        finally:
            self._waiter = None

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)
