"""Where a growing text meets one of several strings, and how much of it could still turn into one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Cut:
    """What of a text is certain, what must be held back, which string was met, and what comes after that.

    Where one was met nothing is held.
    """

    certain: str
    held: str = ""
    met: str | None = None
    after: str = ""

    @property
    def stopped(self) -> bool:
        """Whether one was met."""
        return self.met is not None


def cut_at_stop(text: str, stops: Sequence[str]) -> Cut:
    """Cut `text` before the first of `stops` in it, the longest of those there, or before what might begin one."""
    found = [(at, -len(stop), stop) for stop in stops if stop and (at := text.find(stop)) >= 0]
    if found:
        at, _, stop = min(found)
        return Cut(text[:at], met=stop, after=text[at + len(stop) :])
    held = max((_overlap(text, stop) for stop in stops), default=0)
    return Cut(text[: len(text) - held], text[len(text) - held :])


def _overlap(text: str, stop: str) -> int:
    """Length of the longest proper beginning of `stop` that `text` ends with."""
    longest = min(len(stop) - 1, len(text))
    if stop[:1] not in text[len(text) - longest :]:  # as a rule
        return 0
    return next((length for length in range(longest, 0, -1) if text.endswith(stop[:length])), 0)
