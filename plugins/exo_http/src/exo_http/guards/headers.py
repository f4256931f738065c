"""Request heads larger than any honest client's are refused."""

from __future__ import annotations

from typing import final

from starlette.types import ASGIApp, Receive, Scope, Send

from exo_http.errors import ApiError
from exo_http.limits import Limits


@final
class HeaderGuard:
    """Limits the number and the size of headers (431) and of the target (414)."""

    def __init__(self, app: ASGIApp, limits: Limits) -> None:
        self._app = app
        self._limits = limits

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Measure, then pass on."""
        headers: list[tuple[bytes, bytes]] = scope["headers"]
        size = sum(len(name) + len(value) for name, value in headers)
        if len(headers) > self._limits.header_count or size > self._limits.header_bytes:
            message = (
                f"{len(headers)} headers of {size} bytes are too many "
                f"(at most {self._limits.header_count}, {self._limits.header_bytes} bytes)"
            )
            raise ApiError(431, "headers_too_large", message)
        if len(scope["raw_path"]) + len(scope["query_string"]) > self._limits.target_bytes:
            message = f"path and query are longer than {self._limits.target_bytes} bytes"
            raise ApiError(414, "uri_too_long", message)
        await self._app(scope, receive, send)
