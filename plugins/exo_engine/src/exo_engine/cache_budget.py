"""What the stages' caches hold at most. Pure.

Every sequence and every snapshot costs a stage a fixed number of bytes and some per token, so that two numbers, how
many there are and how many tokens they hold together, say whether all stages have room.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import final

from exo_engine.steps import StageReport


@final
class CacheBudget:
    """The limits of all stages that know one."""

    def __init__(self, reports: Sequence[StageReport]) -> None:
        self._limits = tuple(
            (report.cache_bytes, report.bytes_per_sequence, report.bytes_per_token)
            for report in reports
            if report.cache_bytes is not None
        )

    def holds(self, holders: int, tokens: int) -> bool:
        """Whether so many sequences and snapshots with so many tokens together fit on every stage."""
        return all(holders * per_holder + tokens * per_token <= limit for limit, per_holder, per_token in self._limits)

    @property
    def longest(self) -> int | None:
        """The longest sequence that fits alone, in tokens; None: no limit is known."""
        rooms = [max(0, limit - per_holder) // per_token for limit, per_holder, per_token in self._limits if per_token]
        return min(rooms, default=None)
