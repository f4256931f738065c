"""Whatever goes wrong below becomes an answer in OpenAI's shape; nobody outside sees a traceback."""

from __future__ import annotations

import logging
from http import HTTPStatus
from typing import final

from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from exo_core.errors import ModelError, NoMaster, NotThereYet, RequestRefused, UserError
from exo_core.raised_at import raised_at
from exo_http.errors import ApiError, error_response
from exo_http.request_ids import shown_id_of

logger = logging.getLogger(__name__)


@final
class FailureGuard:
    """Answers for every exception. Logs the unexpected by where it happened, never by what it said."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on and catch what comes back."""
        started = False

        async def watched(message: Message) -> None:
            nonlocal started
            started = True
            await send(message)

        try:
            await self._app(scope, receive, watched)
        except Exception as problem:
            error = as_api_error(problem, scope)
            if started:
                logger.warning("answer to %s was cut off: %s", shown_id_of(scope), error.code)
                raise _CutOff from None  # the server closes the connection: the only way left to say so
            await error_response(error)(scope, receive, send)


class _CutOff(Exception):
    """An answer that had begun cannot be completed."""


def as_api_error(problem: Exception, scope: Scope) -> ApiError:
    """What a client is told of an exception."""
    match problem:
        case ApiError():
            return problem
        case RequestRefused():
            return ApiError(problem.status, problem.code, problem.message)
        case NoMaster():
            message = "no node leads this cluster at the moment; ask again in a few seconds"
            return ApiError(503, "no_master", message, headers={"Retry-After": "2"})
        case NotThereYet():
            return ApiError(501, "not_there_yet", str(problem))
        case ModelError():
            return ApiError(400, "model_error", str(problem))
        case UserError():
            return ApiError(400, "invalid_request", str(problem))
        case HTTPException():
            return _of_router(problem, scope)
        case _:
            return _unexpected(problem, scope)


def _of_router(problem: HTTPException, scope: Scope) -> ApiError:
    status = HTTPStatus(problem.status_code)
    words = {
        404: ("not_found", f"there is no {scope['path'][:200]} here"),
        405: ("method_not_allowed", f"{scope['method'][:20]} is not possible on {scope['path'][:200]}"),
    }
    code, message = words.get(status.value, (status.name.lower(), problem.detail))
    return ApiError(status.value, code, message, headers=problem.headers)


def _unexpected(problem: Exception, scope: Scope) -> ApiError:
    request_id = shown_id_of(scope)
    logger.error(
        "%s %s (%s) failed with %s",
        scope["method"],
        scope.get("route") and scope["route"].path,
        request_id,
        raised_at(problem),
    )
    return ApiError(500, "internal_error", f"exo failed to answer; the log of this node says where, under {request_id}")
