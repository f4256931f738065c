"""Whether a request comes from this very machine, whose person is under no limit.

A proxy on this machine makes others look like it. One that says so by a header, or keeps the name that it was asked by,
is known for what it is; for one that hides both there is `--behind-proxy`, with which nobody is local.
"""

from __future__ import annotations

from starlette.types import Scope

from exo_http.guards.header_values import header
from exo_http.hosts import host_name, is_loopback

FORWARDED = (
    b"forwarded",
    b"x-forwarded-for",
    b"x-forwarded-host",
    b"x-forwarded-proto",
    b"x-real-ip",
    b"cf-connecting-ip",
    b"via",
)
"""What a proxy on this machine adds to the requests of others."""


def is_from_here(scope: Scope) -> bool:
    """Over loopback, for a name that only this machine has, and not passed on by a proxy that says so."""
    client = scope.get("client")
    if client is None or not is_loopback(host_name(client[0])):
        return False
    if not is_loopback(host_name(header(scope, b"host") or "")):
        return False
    return all(header(scope, name) is None for name in FORWARDED)


def is_from_nowhere(scope: Scope) -> bool:
    """Where a proxy that hides itself may have passed it on, no request is known to come from here."""
    del scope
    return False
