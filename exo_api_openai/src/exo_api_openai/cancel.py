"""`POST /v1/cancel/{id}`: end a request that this node answers."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from exo_api_openai.request_groups import RequestGroups
from exo_http.errors import ApiError
from exo_http.running_requests import own_requests


def cancel_endpoint(groups: RequestGroups) -> Callable[[Request], Awaitable[Response]]:
    """The id is that of the completion, or the `X-Request-Id` of its answer; with another key it is not known."""

    async def cancel(request: Request) -> Response:
        shown: str = request.path_params["request_id"]
        cancelled = [groups.cancel(request_id) for request_id in own_requests(request.scope, shown)]
        if True not in cancelled:
            message = f"this node answers no request '{shown[:100]}' (any more)"
            raise ApiError(404, "request_not_found", message)
        return JSONResponse({"id": shown, "object": "request.cancelled", "cancelled": True})

    return cancel
