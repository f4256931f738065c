"""Bodies that are too large, or that come too slowly."""

from __future__ import annotations

import asyncio
from typing import final

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from exo_http.errors import ApiError
from exo_http.guards.header_values import header
from exo_http.limits import Limits


@final
class BodyGuard:
    """Counts and times a body while it is read: 413 and 408 are raised in whoever reads it."""

    def __init__(self, app: ASGIApp, limits: Limits) -> None:
        self._app = app
        self._limits = limits

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Refuse by the declared length at once, else while reading."""
        declared = header(scope, b"content-length") or "0"
        if not declared.isdecimal() or len(declared) > 18 or int(declared) > self._limits.body_bytes:
            raise self._too_large()
        await self._app(scope, _BoundedBody(receive, self._limits, self._too_large()), send)

    def _too_large(self) -> ApiError:
        return ApiError(413, "body_too_large", f"the body is larger than {self._limits.body_bytes} bytes")


@final
class _BoundedBody:
    """`receive`, with limits until the body's end; then it only waits for the client to go."""

    def __init__(self, receive: Receive, limits: Limits, too_large: ApiError) -> None:
        self._receive = receive
        self._limits = limits
        self._too_large = too_large
        self._started: float | None = None
        self._received = 0
        self._ended = False

    async def __call__(self) -> Message:
        if self._ended:
            return await self._receive()
        try:
            async with asyncio.timeout_at(self._deadline()):
                message = await self._receive()
        except TimeoutError:
            error = ApiError(408, "body_too_slow", "the body came too slowly", headers={"Connection": "close"})
            raise error from None
        self._received += len(message.get("body", b""))
        self._ended = not message.get("more_body", False)
        if self._received > self._limits.body_bytes:
            raise self._too_large
        return message

    def _deadline(self) -> float:
        now = asyncio.get_running_loop().time()
        self._started = now if self._started is None else self._started
        allowance = self._received / self._limits.body_bytes_per_second
        return self._started + self._limits.body_seconds + allowance
