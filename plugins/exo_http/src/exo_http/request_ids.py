"""The id of a request: drawn here, named on every answer, good for `POST /v1/cancel/{id}`."""

from __future__ import annotations

import secrets
from typing import cast

from starlette.types import Scope

from exo_core.identifiers import RequestId

KEY = "exo.request_id"
PREFIXES = ("req_", "chatcmpl-", "cmpl-")


def new_request_id() -> RequestId:
    """128 random bits in hex."""
    return RequestId(secrets.token_hex(16))


def request_id_of(scope: Scope) -> RequestId:
    """The id the front door drew for this request."""
    return RequestId(cast("str", scope[KEY]))


def header_value(request_id: RequestId) -> str:
    """As `X-Request-Id` shows it."""
    return f"req_{request_id}"


def bare_request_id(shown: str) -> RequestId:
    """The id behind any of the forms in which a client meets it: `X-Request-Id`, the id of a completion, bare."""
    for prefix in PREFIXES:
        if shown.startswith(prefix):
            return RequestId(shown.removeprefix(prefix))
    return RequestId(shown)
