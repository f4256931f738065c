"""When a process that keeps dying is given up."""

from __future__ import annotations

from collections import deque
from typing import final

CRASHES_TO_FAIL = 3
CRASH_WINDOW_S = 60.0


@final
class CrashCounter:
    """Counts crashes within the last minute; time is handed in, in seconds."""

    def __init__(self) -> None:
        self._times: deque[float] = deque(maxlen=CRASHES_TO_FAIL)

    def crashed(self, now: float) -> bool:
        """Note a crash; True when it is one too many."""
        self._times.append(now)
        return len(self._times) == CRASHES_TO_FAIL and now - self._times[0] <= CRASH_WINDOW_S
