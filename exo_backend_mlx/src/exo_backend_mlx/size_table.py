"""Which size is to be measured next, when larger ones take longer and only those that are quick enough matter? Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import final


@final
@dataclass
class SizeTable:
    """What is known of rising `sizes`, each twice the one before, up to the first that takes longer than `longest`."""

    sizes: Sequence[int]
    longest: float
    """Seconds."""
    spent: float = 0.0
    """Seconds that all runs took."""
    _seconds: dict[int, float] = field(default_factory=dict[int, float])

    @property
    def pairs(self) -> tuple[tuple[int, float], ...]:
        """(size, seconds of its fastest run), sizes rising."""
        return tuple(self._seconds.items())

    @property
    def next_size(self) -> int | None:
        """The first that is not known to be quick enough; None: all are."""
        return next((size for size in self.sizes if not self._is_quick(size)), None)

    @property
    def is_next_known(self) -> bool:
        """Whether that one was measured already, and took too long."""
        return self.next_size in self._seconds

    @property
    def expected(self) -> float:
        """Seconds that it takes, as far as runs of it and of its half tell, which something may have held up."""
        quick = [seconds for size, seconds in self._seconds.items() if self._is_quick(size)]
        slow = [seconds for size, seconds in self._seconds.items() if not self._is_quick(size)]
        return min([*slow, *(2 * half for half in quick[-1:])], default=0.0)

    def note(self, size: int, times: Sequence[float]) -> None:
        """So long some more runs of a size took."""
        self._seconds[size] = min([*times, self._seconds.get(size, times[0])])
        self.spent += sum(times)

    def _is_quick(self, size: int) -> bool:
        return size in self._seconds and self._seconds[size] <= self.longest
