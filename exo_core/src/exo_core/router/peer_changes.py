"""Who was told of which peer's coming and going?"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable
from typing import final

from exo_core.identifiers import NodeId
from exo_core.messaging import PeerChange


@final
class PeerChanges:
    """Every subscriber gets each change once, in order."""

    def __init__(self, reachable: Callable[[], frozenset[NodeId]]) -> None:
        self._reachable = reachable
        self._queues: set[asyncio.Queue[PeerChange]] = set()

    def announce(self, node_id: NodeId, *, reachable: bool) -> None:
        """Tell everybody."""
        change = PeerChange(node_id=node_id, reachable=reachable)
        for queue in self._queues:
            queue.put_nowait(change)

    async def subscribe(self) -> AsyncGenerator[PeerChange]:
        """Who is reachable at the first step, then every change."""
        queue: asyncio.Queue[PeerChange] = asyncio.Queue()
        for node_id in sorted(self._reachable()):
            queue.put_nowait(PeerChange(node_id=node_id, reachable=True))
        self._queues.add(queue)
        try:
            while True:
                yield await queue.get()
        finally:
            self._queues.discard(queue)
