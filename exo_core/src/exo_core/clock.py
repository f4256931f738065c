"""Time and chance, handed in so that the real modules also run in a simulation."""

from __future__ import annotations

from typing import Protocol


class Clock(Protocol):
    """Monotonic time. Wall clocks are trusted by nothing in exo."""

    def now(self) -> float:
        """Seconds since some fixed moment; never goes back."""
        ...

    async def sleep(self, seconds: float) -> None:
        """Return after that many seconds of this clock."""
        ...


class Rng(Protocol):
    """A source of randomness."""

    def random(self) -> float:
        """Uniform in [0, 1)."""
        ...

    def integer(self, bits: int) -> int:
        """Uniform in [0, 2**bits)."""
        ...
