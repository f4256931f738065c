"""How long entries of the log are kept one by one."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Retention:
    """The same on every node; a simulation makes both small."""

    snapshot_every: int = 1000
    """Settled entries that a snapshot replaces at a time."""
    recent_s: float = 600.0
    """A member that was silent for longer does not hold back what is settled, in seconds."""
