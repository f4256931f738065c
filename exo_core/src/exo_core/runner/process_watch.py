"""Whether a runner's process hangs (stopped, deadlocked, thrashing): it is asked every second. Pure."""

from __future__ import annotations

from typing import final

from exo_core.runner.patience import Patience


@final
class ProcessWatch:
    """Whatever a process says is a sign of life. Times are handed in, in seconds."""

    def __init__(self, patience: Patience, now: float) -> None:
        self._patience = patience
        self._heard = now

    def heard(self, now: float) -> None:
        """It said something."""
        self._heard = now

    def forgive(self, seconds: float) -> None:
        """We were held up ourselves for so long: what it said may wait to be read."""
        self._heard += seconds

    def silent_for(self, now: float, *, loads: bool) -> float | None:
        """Seconds after which it is given up, if they are over; None while there is hope."""
        given = self._patience.process_loading if loads else self._patience.process
        return given if now - self._heard >= given else None
