"""Which questions of ours are still without a reply, on one link?"""

from __future__ import annotations

import asyncio
from typing import Final, final

from exo_core.errors import CallFailed, LinkClosed, WireError

ANSWERED: Final = b"\x00"
FAILED: Final = b"\x01"


@final
class Questions:
    """Pending replies by call id."""

    def __init__(self) -> None:
        self._pending: dict[int, asyncio.Future[bytes]] = {}
        self._last_id = 0

    @property
    def count(self) -> int:
        """How many are without a reply."""
        return len(self._pending)

    def new(self) -> tuple[int, asyncio.Future[bytes]]:
        """An id for a question, and the reply that will come."""
        self._last_id = (self._last_id + 1) % 2**32
        future: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()
        self._pending[self._last_id] = future
        return self._last_id, future

    def drop(self, call_id: int) -> None:
        """Nobody waits for that reply any more."""
        self._pending.pop(call_id, None)

    def take(self, call_id: int, payload: bytes) -> None:
        """A reply came; late ones are dropped. Raises `WireError`."""
        if payload[:1] not in (ANSWERED, FAILED):
            message = "a reply that neither answers nor fails"
            raise WireError(message)
        future = self._pending.get(call_id)
        if future is None or future.done():
            return
        if payload[:1] == ANSWERED:
            future.set_result(payload[1:])
        else:
            future.set_exception(CallFailed(payload[1:].decode(errors="replace")))

    def end(self, reason: str) -> None:
        """The link died: nothing will be answered."""
        for future in self._pending.values():
            if not future.done():
                future.set_exception(LinkClosed(reason))
        self._pending.clear()
