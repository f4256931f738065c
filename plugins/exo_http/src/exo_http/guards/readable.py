"""Pages of listed origins may read every answer of this node, what a guard refuses included."""

from __future__ import annotations

from collections.abc import Iterable
from typing import final

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from exo_http.guards.header_values import header
from exo_http.guards.origin import listed_origins

EXPOSED = (b"access-control-expose-headers", b"X-Request-Id, X-Exo-Ignored, Retry-After")


@final
class ReadableGuard:
    """Stands outside of what turns errors into answers: a browser shows a page only answers with these headers."""

    def __init__(self, app: ASGIApp, allowed: Iterable[str]) -> None:
        self._app = app
        self._allowed = listed_origins(allowed)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on; say on the answer who may read it."""
        origin = header(scope, b"origin")
        if origin is None or origin.lower() not in self._allowed:
            await self._app(scope, receive, send)
            return
        headers = [(b"access-control-allow-origin", origin.encode("latin-1")), (b"vary", b"Origin"), EXPOSED]

        async def readable(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message.get("headers", ()), *headers]
            await send(message)

        await self._app(scope, receive, readable)
