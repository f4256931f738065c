"""What this node observed on its way to the participant, and whoever waits until it is safe."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from itertools import count
from typing import final

from exo_core.control_plane.change_counter import ChangeCounter
from exo_core.control_plane.inputs import Acknowledged, Offered
from exo_core.errors import LogCorrupt
from exo_core.state.events import Fact, Offer

OUTBOX_LIMIT = 4096


@final
class FactDesk:
    """Of one node, on its event loop. `put` gives a fact to the participant; `outbox` are those that wait there."""

    def __init__(
        self, *, changed: ChangeCounter, put: Callable[[Offered], None], outbox: Callable[[], Sequence[Offer]]
    ) -> None:
        self._changed = changed
        self._put = put
        self._outbox = outbox
        self._numbers = count(1)
        self._waiting: dict[int, asyncio.Future[int]] = {}

    async def offer(self, fact: Fact) -> int:
        """Record what this node observed. Returns its index once it is safe, however many masters that takes.

        While `OUTBOX_LIMIT` facts wait already it is not even kept, and this call waits for room. Raises `LogCorrupt`
        when a row of the log turned bad meanwhile: the fact is kept then, but it is not known when it is safe.
        """
        while len(self._outbox()) >= OUTBOX_LIMIT:
            await self._changed.wait(self._changed.version)
        with self._answer() as (waiter, answer):
            self._put(Offered(waiter, fact))
            return await answer

    def offer_soon(self, fact: Fact) -> None:
        """The same without waiting: durable in the outbox, or in the log, after the next turn."""
        self._put(Offered(0, fact))

    @contextmanager
    def _answer(self) -> Generator[tuple[int, asyncio.Future[int]]]:
        """The number to offer under, and what will be the fact's index."""
        number = next(self._numbers)
        self._waiting[number] = asyncio.get_running_loop().create_future()
        try:
            yield number, self._waiting[number]
        finally:
            self._waiting.pop(number, None)

    def came(self, answer: Acknowledged) -> None:
        """It is safe; whoever waited may have given up."""
        future = self._waiting.get(answer.waiter)
        if future is not None and not future.done():
            future.set_result(answer.index)

    def give_up(self, problem: LogCorrupt) -> None:
        """Nobody will be answered any more."""
        for future in self._waiting.values():
            if not future.done():
                future.set_exception(LogCorrupt(str(problem)))
