"""How an error looks on the wire: OpenAI's shape, on every route."""

from __future__ import annotations

from collections.abc import Mapping
from typing import final

from starlette.responses import JSONResponse

from exo_core.errors import ExoError
from exo_core.frozen import JsonValue


@final
class ApiError(ExoError):
    """Answer a request with an error: HTTP status, a stable word, a sentence, and the field at fault if one is."""

    def __init__(
        self,
        status: int,
        code: str,
        message: str,
        *,
        param: str | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message
        self.param = param
        self.headers = dict(headers or {})


def error_type(status: int) -> str:
    """OpenAI's word for the family of an error."""
    families = {401: "authentication_error", 403: "permission_error", 429: "rate_limit_error", 501: "not_implemented"}
    return families.get(status) or ("server_error" if status >= 500 else "invalid_request_error")


def error_body(status: int, code: str, message: str, param: str | None = None) -> dict[str, JsonValue]:
    """The JSON object of an error."""
    return {"error": {"message": message, "type": error_type(status), "param": param, "code": code}}


def error_response(error: ApiError) -> JSONResponse:
    """The whole answer."""
    content = error_body(error.status, error.code, error.message, error.param)
    return JSONResponse(content, status_code=error.status, headers=error.headers)
