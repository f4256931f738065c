"""How long until the next attempt? Once at once, then twice as long each time, with jitter."""

from __future__ import annotations

from typing import final

from exo_core.clock import Rng


@final
class Backoff:
    """Delays of 0, then between half and all of `first`, twice `first`, … up to `most`."""

    def __init__(self, rng: Rng, *, first: float, most: float) -> None:
        self._rng = rng
        self._first = first
        self._most = most
        self._attempts = 0

    def next(self) -> float:
        """Seconds to wait before the coming attempt."""
        attempts = self._attempts
        self._attempts += 1
        if attempts == 0:
            return 0.0
        ceiling = min(self._most, self._first * 2 ** min(attempts - 1, 32))
        return ceiling * (0.5 + self._rng.random() / 2)

    def reset(self, *, at_once: bool = True) -> None:
        """Start over; with `at_once` false, without the attempt that does not wait."""
        self._attempts = 0 if at_once else 1
