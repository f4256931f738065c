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
    unread_answer_seconds: float = 60.0
    """A client that takes nothing for so long while bytes wait for it is cut off."""
    connections: int = 4096
    """At once. One more ends the one that has been idle, or slow to ask, for the longest."""
    concurrent_requests: int = 3072
    """Of every kind. Those that ask models have a limit of their own in the node."""
    stop_seconds: int = 1
    """How long running answers may finish when the server stops."""


SPARE_DESCRIPTORS = 256
"""For the node's log, links and runners."""


def limits_for(max_requests: int, descriptors: int) -> Limits:
    """Room for that many requests to models, half as many others, and as many connections that wait for their next.

    `descriptors` is how many files and sockets this process may have open.
    """
    connections = max(2, min(2 * max_requests, descriptors - SPARE_DESCRIPTORS))
    return Limits(connections=connections, concurrent_requests=max(1, connections * 3 // 4))
