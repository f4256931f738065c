"""What a key may do is checked where a route is found: a plugin's route is for `admin` unless it says otherwise."""

from __future__ import annotations

from typing import cast, final

from starlette.routing import BaseRoute, Match
from starlette.types import Receive, Send
from starlette.types import Scope as RequestScope

from exo_http.errors import ApiError
from exo_http.grants import grant_of
from exo_http.operation import ApiRoute, Scope


@final
class ScopedRoute(BaseRoute):
    """A route behind the scope that it needs."""

    def __init__(self, route: BaseRoute) -> None:
        self._route = route
        self.path = cast("str", getattr(route, "path", ""))
        self._needed: Scope = route.scope if isinstance(route, ApiRoute) else "admin"

    def matches(self, scope: RequestScope) -> tuple[Match, RequestScope]:
        """As the route does."""
        return self._route.matches(scope)

    async def handle(self, scope: RequestScope, receive: Receive, send: Send) -> None:
        """Raises `ApiError` 403 for a key without the scope."""
        grant = grant_of(scope)
        if grant is None or self._needed not in grant.scopes:
            message = (
                f"this key has not the scope '{self._needed}'; one that has is made by: exo key create --scope admin"
            )
            raise ApiError(403, "insufficient_scope", message)
        await self._route.handle(scope, receive, send)
