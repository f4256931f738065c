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
        self._waited = 0.0

    def crashed(self, now: float, *, waited: float = 0.0) -> bool:
        """Note a crash; True when it is one too many.

        `waited` is how long the process hung before it was ended: that time does not count, else one that hangs at
        every start would never be given up.
        """
        self._waited += waited
        self._times.append(now - self._waited)
        return len(self._times) == CRASHES_TO_FAIL and self._times[-1] - self._times[0] <= CRASH_WINDOW_S
