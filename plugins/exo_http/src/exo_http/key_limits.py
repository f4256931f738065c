"""How much a key may use. Pure.

A rate is an allowance that fills up evenly: whoever has used none for a minute may use a minute's worth at once. Tokens
are known only when an answer is over, so an allowance may be overdrawn; the next request then waits until it is not.
"""

from __future__ import annotations

from typing import Annotated, final

from pydantic import Field

from exo_core.frozen import Frozen

Most = Annotated[int, Field(ge=1, lt=2**63)]
MINUTE_S = 60.0


class KeyLimits(Frozen):
    """None: as much as the node takes. Each node counts for itself."""

    requests_at_once: Most | None = None
    requests_per_minute: Most | None = None
    tokens_per_minute: Most | None = None
    """Of prompts and answers together."""


UNLIMITED = KeyLimits()


@final
class Allowance:
    """So many a minute. Times are handed in, in seconds."""

    def __init__(self, per_minute: int, now: float) -> None:
        self._most = per_minute
        self._left = float(per_minute)
        self._at = now

    def use(self, count: int, now: float) -> None:
        """Take so many, whether they are there or not."""
        self._fill(now)
        self._left -= count

    def wait_s(self, now: float) -> float:
        """Seconds until at least one is there."""
        self._fill(now)
        return max(0.0, (1 - self._left) * MINUTE_S / self._most)

    def _fill(self, now: float) -> None:
        self._left = min(self._most, self._left + (now - self._at) * self._most / MINUTE_S)
        self._at = now
