"""Only requests addressed to this machine by a name it has: a page whose name was rebound to us has another."""

from __future__ import annotations

from collections.abc import Iterable
from typing import final

from starlette.types import ASGIApp, Receive, Scope, Send

from exo_http.errors import ApiError
from exo_http.guards.header_values import header
from exo_http.health import is_health
from exo_http.hosts import host_name, is_loopback


@final
class HostGuard:
    """Lets `Host` be loopback, the address the request arrived at, the one bound to, or one of `allowed`; any port."""

    def __init__(self, app: ASGIApp, allowed: Iterable[str]) -> None:
        self._app = app
        self._allowed = frozenset(host_name(name) for name in allowed) - {""}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Look at the host, then pass on."""
        name = host_name(header(scope, b"host") or "")
        if not is_health(scope) and not self._is_ours(name, scope):
            message = (
                f"this node does not answer to the host '{name[:100]}'; "
                "start it with --allow-host NAME to let it, once for each name"
            )
            raise ApiError(403, "host_not_allowed", message)
        await self._app(scope, receive, send)

    def _is_ours(self, name: str, scope: Scope) -> bool:
        # The address a connection arrived at is one of this machine's own, whatever we are bound to.
        arrived_at = host_name(scope["server"][0]) if scope.get("server") else None
        return bool(name) and (is_loopback(name) or name in self._allowed or name == arrived_at)
