"""How patient is a router, and how much does it hold? One place for every such number."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class RouterSettings:
    """Times in seconds, sizes in bytes."""

    connect_timeout: float = 5.0
    head_start: float = 0.25
    """How long an address of a peer is tried alone before the next best is tried too."""
    relay_patience: float = 1.0
    """How long the last address is tried alone before a relay is."""
    handshake_timeout: float = 5.0
    ping_interval: float = 1.0
    dead_after: float = 5.0
    """A link over which nothing came for so long is given up."""
    probe_timeout: float = 1.0
    """How long a second machine with the same identity waits while the first is asked whether it still lives."""
    goodbye_timeout: float = 1.0
    """How long a link may take to send what was queued before it is closed."""
    backoff_first: float = 0.25
    backoff_most: float = 10.0
    improve_first: float = 2.0
    improve_most: float = 30.0
    """How often a better link is looked for while a worse one works."""
    suggestion_attempts: int = 4
    """How often an address is tried that somebody merely mentioned."""
    queue_bytes: int = 8 * 1024 * 1024
    """Messages, questions and replies that may wait for one link, per priority."""
    streams_per_link: int = 4096
    """Streams that a peer may have open to us at once."""
    questions_per_link: int = 1024
    """Questions of a peer that may be worked on at once."""
