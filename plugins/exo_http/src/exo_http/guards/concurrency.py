"""A bound on the requests being answered at once."""

from __future__ import annotations

from typing import final

from starlette.types import ASGIApp, Receive, Scope, Send

from exo_http.errors import ApiError
from exo_http.health import is_health


@final
class ConcurrencyGuard:
    """Answers 429 when `limit` requests are being answered."""

    def __init__(self, app: ASGIApp, limit: int) -> None:
        self._app = app
        self._limit = limit
        self._running = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Count, and pass on."""
        if self._running >= self._limit and not is_health(scope):
            message = f"{self._running} requests are being answered already; ask again in a second"
            raise ApiError(429, "too_many_requests", message, headers={"Retry-After": "1"})
        self._running += 1
        try:
            await self._app(scope, receive, send)
        finally:
            self._running -= 1
