"""Bodies are JSON and say so: a form of another site cannot, without the browser asking first."""

from __future__ import annotations

from typing import final

from starlette.types import ASGIApp, Receive, Scope, Send

from exo_http.errors import ApiError
from exo_http.guards.header_values import header


@final
class ContentTypeGuard:
    """Answers 415 to a body that is not declared `application/json`."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Look at the type, then pass on."""
        media_type = (header(scope, b"content-type") or "").partition(";")[0].strip().lower()
        wrong = media_type != "application/json" and (media_type != "" or has_body(scope))
        if scope["method"] not in {"GET", "HEAD", "OPTIONS"} and wrong:
            message = "send JSON and say so: 'Content-Type: application/json'"
            raise ApiError(415, "unsupported_media_type", message)
        await self._app(scope, receive, send)


def has_body(scope: Scope) -> bool:
    """Whether a body follows the headers."""
    return header(scope, b"content-length") not in {None, "0"} or header(scope, b"transfer-encoding") is not None
