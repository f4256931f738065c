"""Requests that came in and wait to be prepared, a few milliseconds' worth between two steps.

A prompt is tokenized on the engine's thread: a hundred long ones at once would hold up everybody's next token.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterator
from typing import final

from exo_core.identifiers import RequestId
from exo_engine.inbox import Submit

MOST_SECONDS = 0.005
"""At a time, while others wait for their next token. The request that exceeds it is finished."""


@final
class Submissions:
    """In the order in which they came. `prepare` opens or refuses one."""

    def __init__(self, prepare: Callable[[Submit], None], clock: Callable[[], float] = time.monotonic) -> None:
        self._prepare = prepare
        self._clock = clock
        self._waiting: deque[Submit] = deque()

    def __len__(self) -> int:
        """How many wait."""
        return len(self._waiting)

    def add(self, submit: Submit) -> None:
        """Have one wait."""
        self._waiting.append(submit)

    def prepare_some(self, are_others_open: Callable[[], bool]) -> None:
        """The next of them; all, unless there are others whose steps these hold up."""
        end = self._clock() + MOST_SECONDS
        while self._waiting:
            self._prepare(self._waiting.popleft())
            if self._clock() >= end and are_others_open():
                return

    def prepare_those_of(self, request_id: RequestId) -> None:
        """Ahead of their turn, for they are about to be cancelled and each has to be answered."""
        found = [submit for submit in self._waiting if submit.request.request_id == request_id]
        for submit in found:
            self._waiting.remove(submit)
            self._prepare(submit)

    def give_up(self) -> Iterator[Submit]:
        """Those that nobody will prepare any more."""
        while self._waiting:
            yield self._waiting.popleft()
