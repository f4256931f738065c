"""The heads of this node, as gateways here and elsewhere ask them: how many requests wait at each for a first token?

A head computes many requests together; the rest wait in its queue. Whoever comes when that is full is refused, so that
nobody waits for what cannot be in time. What is under way is taken in any case: its client has begun to read.

A head that is to be unloaded because nobody asks it anything is retired first: whoever comes then has it placed anew.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import aclosing
from typing import Protocol, final

from exo_core.gateway.engine_call import EngineCall, instance_lost
from exo_core.identifiers import Epoch, RunnerId
from exo_core.node_handle import HeadLoad
from exo_core.requests import Answer, Chunk, EngineRequest, Failed, Generate, Refused, Result

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

    def __init__(self, find: FindHead, *, most: int = MOST_WAITING, now: Callable[[], float] = time.monotonic) -> None:
        self._find = find
        self._most = most
        self._now = now
        self._waiting: Counter[RunnerId] = Counter()
        self._open: Counter[RunnerId] = Counter()
        self._used_at: dict[RunnerId, float] = {}
        self._retired: set[RunnerId] = set()

    def idle_s(self, runner_id: RunnerId) -> float:
        """Seconds since it was asked last, or looked at here for the first time; 0 while it answers."""
        if self._open[runner_id]:
            return 0.0
        return self._now() - self._used_at.setdefault(runner_id, self._now())

    def retire(self, runner_id: RunnerId) -> bool:
        """Have it asked nothing more; False when it is being asked."""
        if self._open[runner_id]:
            return False
        self._retired.add(runner_id)
        return True

    def reinstate(self, runner_id: RunnerId) -> None:
        """It is not unloaded after all."""
        self._retired.discard(runner_id)
        self._used_at[runner_id] = self._now()

    def waiting(self, runner_id: RunnerId) -> int:
        """How many have no token yet."""
        return self._waiting[runner_id]

    @property
    def loads(self) -> Mapping[RunnerId, HeadLoad]:
        """Of those that have requests."""
        return {
            name: HeadLoad(waiting=self._waiting[name], answering=count - self._waiting[name])
            for name, count in self._open.items()
        }

    async def answers(self, call: EngineCall) -> AsyncGenerator[Answer]:
        """Of the head that is asked; closing this cancels."""
        head = self._find(call.runner_id)
        if call.runner_id in self._retired:
            yield Failed(code="unloaded", message="the model was unloaded because nobody used it; ask again")
        elif head is None:
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
        self._open[call.runner_id] += 1
        try:
            async with aclosing(head.generate(call.request, call.epoch)) as answers:
                async for answer in answers:
                    if waits and isinstance(answer, Chunk | Result):
                        waits = False
                        _one_less(self._waiting, call.runner_id)
                    yield answer
        finally:
            self._used_at[call.runner_id] = self._now()
            _one_less(self._open, call.runner_id)
            if waits:
                _one_less(self._waiting, call.runner_id)


def _one_less(counts: Counter[RunnerId], runner_id: RunnerId) -> None:
    """None of a runner that is gone is left: they come and go."""
    counts[runner_id] -= 1
    if not counts[runner_id]:
        del counts[runner_id]


def _is_under_way(request: EngineRequest) -> bool:
    return isinstance(request, Generate) and any(request.delivered)
