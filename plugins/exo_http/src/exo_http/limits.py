"""How much of anything the front door takes from a stranger."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Limits:
    """Bytes and seconds. The defaults are far above what an honest client needs."""

    body_bytes: int = 4 * 2**20
    header_bytes: int = 32 * 2**10
    """All names and values together, after parsing."""
    header_count: int = 100
    target_bytes: int = 8 * 2**10
    """Path and query."""
    unparsed_bytes: int = 64 * 2**10
    """What the parser holds of a request head that is not complete yet."""
    header_seconds: float = 10.0
    """From the first byte of a request (or the opening of its connection) to the end of its headers."""
    body_seconds: float = 10.0
    """Grace for a body, to which `body_bytes_per_second` adds as bytes arrive."""
    body_bytes_per_second: int = 16 * 2**10
    unread_seconds: float = 2.0
    """How long a client may go on sending a body that was already answered (refused)."""
    concurrent_requests: int = 2048
    stop_seconds: int = 1
    """How long running answers may finish when the server stops."""
