"""Whether a request comes from this very machine, whose person is under no limit."""

from __future__ import annotations

from starlette.types import Scope

from exo_http.guards.header_values import header
from exo_http.hosts import host_name, is_loopback

FORWARDED = (b"forwarded", b"x-forwarded-for", b"via")
"""What a proxy on this machine adds to the requests of others."""


def is_from_here(scope: Scope) -> bool:
    """Over loopback, and not passed on by a proxy that says so."""
    client = scope.get("client")
    if client is None or not is_loopback(host_name(client[0])):
        return False
    return all(header(scope, name) is None for name in FORWARDED)
