"""Every answer names its request."""

from __future__ import annotations

from typing import final

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from exo_http.request_ids import KEY, header_value, new_request_id


@final
class RequestIdGuard:
    """Draws an id, puts it into the scope and, as `X-Request-Id`, on the answer."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on under a new id."""
        request_id = scope[KEY] = new_request_id()
        header = (b"x-request-id", header_value(request_id).encode("ascii"))

        async def named(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message.get("headers", ()), header]
            await send(message)

        await self._app(scope, receive, named)
