"""Paths that are documented and do not work yet say so."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from starlette.requests import Request
from starlette.responses import Response

from exo_http.errors import ApiError


def not_there_yet_endpoint(path: str) -> Callable[[Request], Awaitable[Response]]:
    """An endpoint that answers 501."""

    async def refuse(request: Request) -> Response:
        del request
        raise ApiError(501, "not_there_yet", f"{path} is not there yet; /v1/chat/completions is")

    return refuse
