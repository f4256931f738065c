"""What a key may do is checked where a route is found: a plugin's route is for `admin` unless it says otherwise."""

from __future__ import annotations

from collections.abc import Callable
from typing import cast, final

from starlette.routing import BaseRoute, Match
from starlette.types import Receive, Send
from starlette.types import Scope as RequestScope

from exo_http.errors import ApiError
from exo_http.grants import came_by_entrance, grant_of
from exo_http.key_uses import KeyUses
from exo_http.operation import ApiRoute, Scope
from exo_http.request_ids import request_id_of


@final
class ScopedRoute(BaseRoute):
    """A route behind the scope that it needs, and, if it asks models, behind the limits of keys."""

    def __init__(self, route: BaseRoute, uses: KeyUses, is_unlimited: Callable[[RequestScope], bool]) -> None:
        """`is_unlimited` says for which requests no key's limits hold."""
        self._route = route
        self._uses = uses
        self._is_unlimited = is_unlimited
        self.path = cast("str", getattr(route, "path", ""))
        self._needed: Scope = route.scope if isinstance(route, ApiRoute) else "admin"
        self._asks_models = isinstance(route, ApiRoute) and route.operation.asks_models

    def matches(self, scope: RequestScope) -> tuple[Match, RequestScope]:
        """As the route does."""
        return self._route.matches(scope)

    async def handle(self, scope: RequestScope, receive: Receive, send: Send) -> None:
        """Raises `ApiError`: 403 for a key without the scope, 429 for one that has used what it may."""
        grant = grant_of(scope)
        if grant is None or self._needed not in grant.scopes:
            raise ApiError(403, "insufficient_scope", _why(self._needed, scope))
        if not self._asks_models or self._is_unlimited(scope):
            await self._route.handle(scope, receive, send)
            return
        with self._uses.one_more(grant, request_id_of(scope)):
            await self._route.handle(scope, receive, send)


def _why(needed: Scope, scope: RequestScope) -> str:
    if came_by_entrance(scope):
        return f"what needs the scope '{needed}' is not answered here, whatever the key; ask this node by HTTP"
    return f"this key has not the scope '{needed}'; one that has is made by: exo key create --scope admin"
