"""Durations as people write them: 90s, 10m, 2h, 1d; a bare number is seconds."""

from __future__ import annotations

import re

UNITS = {"": 1, "s": 1, "m": 60, "h": 3600, "d": 86400}
LONGEST_S = 366 * 86400


def seconds_of(word: str) -> int | None:
    """Whole seconds, at least one; None for what is no duration, or longer than a year."""
    found = re.fullmatch(r"([0-9]{1,9}(?:\.[0-9]{1,6})?) ?([smhd]?)", word.strip())
    if found is None:
        return None
    seconds = round(float(found[1]) * UNITS[found[2]])
    return seconds if 1 <= seconds <= LONGEST_S else None
