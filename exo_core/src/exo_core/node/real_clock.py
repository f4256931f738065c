"""The clock and the randomness of a node that really runs."""

from __future__ import annotations

import asyncio
import random
import secrets
import time
from typing import final


@final
class RealClock:
    """`Clock` by the machine's monotonic clock."""

    def now(self) -> float:
        """Seconds; never goes back."""
        return time.monotonic()

    async def sleep(self, seconds: float) -> None:
        """Wait."""
        await asyncio.sleep(seconds)


@final
class SystemRng:
    """`Rng` by the operating system's generator."""

    def __init__(self) -> None:
        self._random = random.SystemRandom()

    def random(self) -> float:
        """Uniform in [0, 1)."""
        return self._random.random()

    def integer(self, bits: int) -> int:
        """Uniform in [0, 2**bits)."""
        return secrets.randbits(bits)
