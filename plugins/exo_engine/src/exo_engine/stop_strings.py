"""Where a text ends at a stop string, and how much of it could still turn into one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Cut:
    """What of a text is certain, what must be held back, and whether a stop string was met (then nothing is held)."""

    certain: str
    held: str
    stopped: bool


def cut_at_stop(text: str, stops: Sequence[str]) -> Cut:
    """Cut `text` before the first stop string in it, or before what might begin one at its end."""
    found = [at for stop in stops if stop and (at := text.find(stop)) >= 0]
    if found:
        return Cut(text[: min(found)], "", stopped=True)
    held = max((_overlap(text, stop) for stop in stops), default=0)
    return Cut(text[: len(text) - held], text[len(text) - held :], stopped=False)


def _overlap(text: str, stop: str) -> int:
    """Length of the longest proper beginning of `stop` that `text` ends with."""
    longest = min(len(stop) - 1, len(text))
    return next((length for length in range(longest, 0, -1) if text.endswith(stop[:length])), 0)
