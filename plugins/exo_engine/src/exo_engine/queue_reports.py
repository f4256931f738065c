"""What those that wait hear of the queue."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import final

from exo_core.requests import Progress
from exo_engine.open_request import OpenRequest
from exo_engine.open_requests import OpenRequests
from exo_engine.scheduler import Scheduler

INTERVAL = 1.0
"""Seconds between two reports."""


@final
class QueueReports:
    """Told only after a step was answered: whoever hears of the queue may take it that something moves."""

    def __init__(
        self, scheduler: Scheduler, requests: OpenRequests, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._scheduler = scheduler
        self._requests = requests
        self._clock = clock
        self._reported = 0.0

    def stepped(self) -> None:
        """Report to every request that waits with all it has, if it is time."""
        now = self._clock()
        if now - self._reported < INTERVAL:
            return
        self._reported = now
        told: set[OpenRequest] = set()
        for ahead, sequence in enumerate(self._scheduler.waiting):
            opened = self._requests.of(sequence)
            if opened is not None and opened not in told:
                told.add(opened)
                self._report(opened, ahead)

    def _report(self, opened: OpenRequest, ahead: int) -> None:
        if all(sequence.id is None for sequence in opened.sequences):
            opened.ahead = max(opened.ahead, ahead)
            opened.answer(Progress(phase="queued", done=opened.ahead - ahead, total=opened.ahead))
