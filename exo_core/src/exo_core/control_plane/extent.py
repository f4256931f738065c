"""How far into the log what is known to be kept, and by whom."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol, Self


class Told(Protocol):
    """A message that says so."""

    @property
    def safe(self) -> int:
        """See `Extent`."""
        ...

    @property
    def settled(self) -> int:
        """See `Extent`."""
        ...

    @property
    def everywhere(self) -> int:
        """See `Extent`."""
        ...


@dataclass(frozen=True, kw_only=True)
class Extent:
    """Lengths of the log.

    `safe`: on enough disks to be acknowledged. `settled`: on the disks of all members that were heard lately.
    `everywhere`: on the disks of all members.
    """

    safe: int = 0
    settled: int = 0
    everywhere: int = 0

    @classmethod
    def of(cls, told: Told) -> Self:
        """As a message says."""
        return cls(safe=told.safe, settled=told.settled, everywhere=told.everywhere)

    def up_to(self, length: int) -> Extent:
        """No further than that: what comes after it left the log, or is not known to be the same."""
        return Extent(
            safe=min(self.safe, length), settled=min(self.settled, length), everywhere=min(self.everywhere, length)
        )

    def grown_by(self, other: Extent) -> Extent:
        """As far as either says."""
        return Extent(
            safe=max(self.safe, other.safe),
            settled=max(self.settled, other.settled),
            everywhere=max(self.everywhere, other.everywhere),
        )
