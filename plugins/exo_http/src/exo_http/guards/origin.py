"""Pages of other sites may not use this node, unless their origin is listed."""

from __future__ import annotations

from collections.abc import Iterable
from typing import final

from starlette.types import ASGIApp, Receive, Scope, Send

from exo_http.errors import ApiError
from exo_http.guards.header_values import header
from exo_http.health import is_health
from exo_http.hosts import DEFAULT_PORTS, origin_authority

PREFLIGHT = [
    (b"access-control-allow-methods", b"GET, POST, DELETE"),
    (b"access-control-allow-headers", b"*, authorization, content-type, x-api-key"),
    (b"access-control-max-age", b"600"),
]


@final
class OriginGuard:
    """Refuses an `Origin` that is neither this very host's nor listed. `ReadableGuard` lets listed ones read."""

    def __init__(self, app: ASGIApp, allowed: Iterable[str]) -> None:
        self._app = app
        self._allowed = listed_origins(allowed)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Look at the origin, then pass on."""
        origin = header(scope, b"origin")
        if origin is None or is_health(scope) or is_same_origin(origin, header(scope, b"host") or ""):
            await self._app(scope, receive, send)
        elif origin.lower() not in self._allowed:
            shown = origin[:100]
            message = f"pages of {shown} may not use this node; start it with --allow-origin {shown} to let them"
            raise ApiError(403, "origin_not_allowed", message)
        elif scope["method"] == "OPTIONS" and header(scope, b"access-control-request-method"):
            # A browser asks this before the real request, without a key; nothing but these headers is given away.
            await send({"type": "http.response.start", "status": 204, "headers": [*PREFLIGHT]})
            await send({"type": "http.response.body", "body": b"", "more_body": False})
        else:
            await self._app(scope, receive, send)


def listed_origins(allowed: Iterable[str]) -> frozenset[str]:
    """Origins as they are compared."""
    return frozenset(origin.lower().removesuffix("/") for origin in allowed)


def is_same_origin(origin: str, host: str) -> bool:
    """Whether a page of `origin` was loaded from `host` (whatever ends TLS before us is not known here)."""
    authority = origin_authority(origin)
    scheme = origin.lower().partition(":")[0]
    return authority is not None and origin_authority(f"{scheme}://{host}") == authority and scheme in DEFAULT_PORTS
