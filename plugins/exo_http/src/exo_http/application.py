"""The whole front door as one ASGI application: guards around a router."""

from __future__ import annotations

from collections.abc import Sequence
from typing import final

from starlette.routing import BaseRoute, Router
from starlette.types import ASGIApp, Receive, Scope, Send

from exo_core.node_handle import HttpOptions
from exo_http.guards.api_key import ApiKeyGuard
from exo_http.guards.body import BodyGuard
from exo_http.guards.concurrency import ConcurrencyGuard
from exo_http.guards.content_type import ContentTypeGuard
from exo_http.guards.failures import FailureGuard
from exo_http.guards.headers import HeaderGuard
from exo_http.guards.host import HostGuard
from exo_http.guards.origin import OriginGuard
from exo_http.guards.readable import ReadableGuard
from exo_http.guards.request_id import RequestIdGuard
from exo_http.idle_connections import IdleConnections
from exo_http.key_ring import KeyRing
from exo_http.key_uses import KeyUses
from exo_http.limits import Limits
from exo_http.own_machine import is_from_here, is_from_nowhere
from exo_http.scopes import ScopedRoute


@final
class Application:
    """Routes behind every guard. Answers HTTP only."""

    def __init__(self, routes: Sequence[BaseRoute], options: HttpOptions, limits: Limits, keys: KeyRing) -> None:
        self.limits = limits
        self.uses = KeyUses()
        self.idle = IdleConnections()
        is_local = is_from_nowhere if options.behind_proxy else is_from_here
        self._router = Router([ScopedRoute(route, self.uses, is_local) for route in routes], redirect_slashes=False)
        self._guarded = guarded(self._route, options, limits, keys)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        await self._guarded(scope, receive, send)

    async def _route(self, scope: Scope, receive: Receive, send: Send) -> None:
        scope["app"] = self  # by this the router raises 404 and 405, which `FailureGuard` answers
        await self._router(scope, receive, send)


def guarded(app: ASGIApp, options: HttpOptions, limits: Limits, keys: KeyRing) -> ASGIApp:
    """`app` behind all guards, from the cheapest question asked last here, first on the way in."""
    app = BodyGuard(app, limits)
    app = ContentTypeGuard(app)
    app = ConcurrencyGuard(app, limits.concurrent_requests)
    app = ApiKeyGuard(app, keys)
    app = OriginGuard(app, options.allowed_origins)
    app = HostGuard(app, (options.host, *options.allowed_hosts))
    app = HeaderGuard(app, limits)
    app = FailureGuard(app)
    app = ReadableGuard(app, options.allowed_origins)
    return RequestIdGuard(app)
