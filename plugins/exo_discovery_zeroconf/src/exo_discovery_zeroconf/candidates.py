"""Whom to listen to, and how often? Anybody on a network may announce anything, as often as they like. No clock."""

from __future__ import annotations

from typing import Final, final

MOST_CANDIDATES: Final = 64
PAUSE_S: Final = 10.0
"""One announcer is looked at no more often than that."""
REMINDER_S: Final = 30.0
"""Who is still announced is suggested again after so long: it may have been unreachable."""


@final
class Candidates:
    """Announcers by name, and when each was last looked at."""

    def __init__(self) -> None:
        self._looked_at: dict[str, float] = {}
        self._gone: set[str] = set()

    def announced(self, name: str, now: float) -> bool:
        """Somebody announces itself; whether to look at it now."""
        self._gone.discard(name)
        last = self._looked_at.get(name)
        if last is None and not self._has_room():
            return False
        if last is not None and now - last < PAUSE_S:
            return False
        self._looked_at[name] = now
        return True

    def withdrawn(self, name: str) -> None:
        """It said that it leaves. Its time is kept for as long as there is room, so that leaving resets nothing."""
        if name in self._looked_at:
            self._gone.add(name)

    def due(self, now: float) -> list[str]:
        """Who is still announced and was not looked at for a while; they count as looked at."""
        found = [name for name, last in self._looked_at.items() if now - last >= REMINDER_S and name not in self._gone]
        self._looked_at.update(dict.fromkeys(found, now))
        return found

    def _has_room(self) -> bool:
        if len(self._looked_at) >= MOST_CANDIDATES and self._gone:
            del self._looked_at[self._gone.pop()]
        return len(self._looked_at) < MOST_CANDIDATES
