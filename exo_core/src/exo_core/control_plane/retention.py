"""How long entries of the log are kept one by one, and how much of their summary is given at a time."""

from __future__ import annotations

from dataclasses import dataclass

from exo_core.control_plane.messages import SNAPSHOT_PART_BYTES


@dataclass(frozen=True, kw_only=True)
class Retention:
    """The same on every node; a simulation makes all of it small."""

    snapshot_every: int = 1000
    """Settled entries that a snapshot replaces at a time."""
    recent_s: float = 600.0
    """A member that was silent for longer does not hold back what is settled, in seconds."""
    snapshot_part_bytes: int = SNAPSHOT_PART_BYTES
