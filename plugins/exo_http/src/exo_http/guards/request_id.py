"""Every answer names its request."""

from __future__ import annotations

from typing import final

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from exo_http.guards.header_values import header
from exo_http.request_ids import name_request
from exo_http.running_requests import RunningRequests


@final
class RequestIdGuard:
    """Names a request, in its scope and, as `X-Request-Id`, on the answer; until that is over it can be found."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app
        self._running = RunningRequests()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on under its names."""
        shown = (b"x-request-id", name_request(scope, header(scope, b"x-request-id")).encode("ascii"))

        async def named(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message.get("headers", ()), shown]
            await send(message)

        self._running.begin(scope)
        try:
            await self._app(scope, receive, named)
        finally:
            self._running.end(scope)
