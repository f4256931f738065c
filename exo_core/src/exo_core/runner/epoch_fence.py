"""A runner obeys no one who lives in an older epoch than one it has already heard of."""

from __future__ import annotations

from typing import final

from exo_core.identifiers import NO_EPOCH, Epoch


@final
class EpochFence:
    """The highest epoch seen. It never goes back."""

    def __init__(self) -> None:
        self.highest = NO_EPOCH

    def admits(self, epoch: Epoch) -> bool:
        """Whether `epoch` is not older than the highest; remembers it if so."""
        if epoch < self.highest:
            return False
        self.highest = epoch
        return True
