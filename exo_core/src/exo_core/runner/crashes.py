"""When a process that keeps dying is given up: three times within a minute, or five times without ever being ready."""

from __future__ import annotations

from collections import deque
from typing import final

CRASHES_TO_FAIL = 3
CRASH_WINDOW_S = 60.0
FRUITLESS_TO_FAIL = 5
"""Starts in a row of which none came to be ready, whatever their pace: a load that dies slowly is hopeless too."""


@final
class CrashCounter:
    """Counts crashes; time is handed in, in seconds."""

    def __init__(self) -> None:
        self._times: deque[float] = deque(maxlen=CRASHES_TO_FAIL)
        self._waited = 0.0
        self._fruitless = 0

    def was_ready(self) -> None:
        """This start came to something."""
        self._fruitless = 0

    def crashed(self, now: float, *, waited: float = 0.0) -> str | None:
        """Note a crash; how often it was when it is one too many, for people.

        `waited` is how long the process hung before it was ended: that time does not count, else one that hangs at
        every start would never be given up.
        """
        self._waited += waited
        self._fruitless += 1
        self._times.append(now - self._waited)
        if len(self._times) == CRASHES_TO_FAIL and self._times[-1] - self._times[0] <= CRASH_WINDOW_S:
            return f"{CRASHES_TO_FAIL} times within a minute"
        if self._fruitless >= FRUITLESS_TO_FAIL:
            return f"{FRUITLESS_TO_FAIL} times in a row without ever being ready"
        return None
