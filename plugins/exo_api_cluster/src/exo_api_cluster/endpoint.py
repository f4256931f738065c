"""What a route calls, and how it reads its query."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from starlette.requests import Request
from starlette.responses import Response

from exo_http.errors import ApiError

Endpoint = Callable[[Request], Awaitable[Response]]
LARGEST = 2**63 - 1


def whole_number(request: Request, name: str, default: int) -> int:
    """A number of the query, 0 … 2**63 - 1. Raises `ApiError` 400."""
    text = request.query_params.get(name)
    if text is None:
        return default
    if not (text.isascii() and text.isdecimal() and len(text) <= 19 and int(text) <= LARGEST):
        raise ApiError(400, "invalid_value", f"{name}: '{text[:50]}' is no whole number from 0 on", param=name)
    return int(text)


def required_text(request: Request, name: str) -> str:
    """A word of the query. Raises `ApiError` 400."""
    text = request.query_params.get(name)
    if not text:
        raise ApiError(400, "missing_value", f"say which: {request.url.path}?{name}=…", param=name)
    return text
