"""How many are here, and may one more come? No input, no output."""

from __future__ import annotations

from typing import final


@final
class Places:
    """So many, each of which is one of `within` too."""

    def __init__(self, most: int, within: Places | None = None) -> None:
        self._free = most
        self._within = within

    def take(self) -> bool:
        """Take one, if there is one."""
        if self._free == 0 or (self._within is not None and not self._within.take()):
            return False
        self._free -= 1
        return True

    def give_back(self) -> None:
        """One that was taken."""
        self._free += 1
        if self._within is not None:
            self._within.give_back()
