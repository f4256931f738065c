"""How long nothing may move before a request ends with an error, and before another instance is asked. Pure.

Progress is a token, a prefilled chunk, loaded or downloaded bytes, an advance in the queue: whatever an engine or a
load tells, for neither says anything without having moved.
"""

from __future__ import annotations

from typing import final

from exo_core.requests import Answer, Progress

LONGEST_STANDSTILL_S = 60.0
"""Then the request ends."""
LOOK_S = 1.0
"""So often whoever waits looks around: an instance may be known to be gone, another be ready, this node have slept."""
SHORTEST_STALL_S = 10.0
USUAL_INTERVALS = 20
_WEIGHT = 1 / 8
"""Of the newest interval in the smoothed one."""


@final
class Standstill:
    """Since when nothing has moved for one request, over all its attempts. Times are handed in, in seconds."""

    def __init__(self, now: float) -> None:
        self._moved = now

    def moved(self, now: float) -> None:
        """There was progress."""
        self._moved = now

    def forgive(self, seconds: float) -> None:
        """This node itself stood still for so long, and could not have noticed."""
        self._moved += seconds

    @property
    def deadline(self) -> float:
        """When the request has stood still for too long."""
        return self._moved + LONGEST_STANDSTILL_S


@final
class Pace:
    """How often one attempt usually makes progress, and when it has stalled: after max(10 s, 20 usual intervals).

    Waiting in a queue says nothing of how long a step takes, so those intervals do not count; before the first one that
    counts nothing is usual, and only the standstill of the request ends the attempt.
    """

    def __init__(self, now: float) -> None:
        self._seen = now
        self._works = False
        self._usual: float | None = None

    def saw(self, answer: Answer, now: float) -> None:
        """An answer of the attempt came."""
        works = not (isinstance(answer, Progress) and answer.phase == "queued")
        if works and self._works:
            interval = now - self._seen
            self._usual = interval if self._usual is None else self._usual + _WEIGHT * (interval - self._usual)
        self._seen, self._works = now, works

    def forgive(self, seconds: float) -> None:
        """As of a `Standstill`."""
        self._seen += seconds

    @property
    def stalled_at(self) -> float:
        """The moment from which on the attempt counts as stalled, if nothing comes before it."""
        if self._usual is None:
            return self._seen + LONGEST_STANDSTILL_S
        return self._seen + max(SHORTEST_STALL_S, USUAL_INTERVALS * self._usual)
