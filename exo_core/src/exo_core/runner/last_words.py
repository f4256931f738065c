"""What a runner wrote last, for the message that says why it died."""

from __future__ import annotations

from pathlib import Path

LONGEST = 600
"""Characters."""
LINES = 6


def last_words(log: Path, *, since: int) -> str:
    """The last lines after byte `since` of a log file, joined by ` | `; empty when there is nothing to read."""
    try:
        with log.open("rb") as file:
            size = file.seek(0, 2)
            file.seek(max(since, size - 8 * LONGEST))
            text = file.read().decode(errors="replace")
    except OSError:
        return ""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return " | ".join(lines[-LINES:])[-LONGEST:]
