"""Chance that repeats itself."""

from __future__ import annotations

import random
from typing import final


@final
class SeededRng:
    """An `Rng` whose numbers follow from its seed."""

    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)  # noqa: S311  repeatable on purpose

    def random(self) -> float:
        """Uniform in [0, 1)."""
        return self._random.random()

    def integer(self, bits: int) -> int:
        """Uniform in [0, 2**bits)."""
        return self._random.getrandbits(bits)
