"""The heads of this node, as gateways here and elsewhere ask them: how many requests wait at each for a first token?

A head computes many requests together; the rest wait in its queue. Whoever comes when that is full is refused, so that
nobody waits for what cannot be in time. What is under way is taken in any case: its client has begun to read.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from typing import Protocol, final

from exo_core.gateway.engine_call import EngineCall, instance_lost
from exo_core.identifiers import Epoch, RunnerId
from exo_core.requests import Answer, Chunk, EngineRequest, Generate, Refused, Result

MOST_WAITING = 1024
"""At one head, unless told."""


class Head(Protocol):
    """A runner of this node that answers requests."""

    def generate(self, request: EngineRequest, epoch: Epoch) -> AsyncGenerator[Answer, None]:
        """Answer; closing the generator cancels."""
        ...


FindHead = Callable[[RunnerId], Head | None]


@final
class LocalHeads:
    """Belongs to the event loop. `most` requests wait at one head."""

    def __init__(self, find: FindHead, *, most: int = MOST_WAITING) -> None:
        self._find = find
        self._most = most
        self._waiting: Counter[RunnerId] = Counter()

    def waiting(self, runner_id: RunnerId) -> int:
        """How many have no token yet."""
        return self._waiting[runner_id]

    async def answers(self, call: EngineCall) -> AsyncGenerator[Answer]:
        """Of the head that is asked; closing this cancels."""
        head = self._find(call.runner_id)
        if head is None:
            yield instance_lost("the runner that held the model is not there any more; ask again")
        elif self._waiting[call.runner_id] >= self._most and not _is_under_way(call.request):
            message = f"{self._most} requests wait for this model already; ask again in a moment"
            yield Refused(status=429, code="queue_full", message=message)
        else:
            async with aclosing(self._queued(head, call)) as answers:
                async for answer in answers:
                    yield answer

    async def _queued(self, head: Head, call: EngineCall) -> AsyncGenerator[Answer]:
        waits = True
        self._waiting[call.runner_id] += 1
        try:
            async with aclosing(head.generate(call.request, call.epoch)) as answers:
                async for answer in answers:
                    if waits and isinstance(answer, Chunk | Result):
                        waits = False
                        self._served(call.runner_id)
                    yield answer
        finally:
            if waits:
                self._served(call.runner_id)

    def _served(self, runner_id: RunnerId) -> None:
        self._waiting[runner_id] -= 1
        if not self._waiting[runner_id]:
            del self._waiting[runner_id]  # runners come and go


def _is_under_way(request: EngineRequest) -> bool:
    return isinstance(request, Generate) and any(request.delivered)
