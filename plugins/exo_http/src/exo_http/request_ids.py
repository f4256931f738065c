"""The ids of a request: the one drawn here, which engines know, and the one its client knows it by.

A client may bring an `X-Request-Id` of its own; on every answer it finds that again, or the one drawn here. Either is
good for `POST /v1/cancel/{id}`, and so is the id of a completion.
"""

from __future__ import annotations

import re
import secrets
from typing import cast

from starlette.types import Scope

from exo_core.identifiers import RequestId

KEY = "exo.request_id"
SHOWN = "exo.shown_id"
PREFIXES = ("req_", "chatcmpl-", "cmpl-")
_WELL_FORMED = re.compile(r"[A-Za-z0-9._:+/=@-]{1,128}")


def new_request_id() -> RequestId:
    """128 random bits in hex."""
    return RequestId(secrets.token_hex(16))


def name_request(scope: Scope, given: str | None) -> str:
    """Draw an id for a request; what its answers call it: the one its client gave, if that is one, or the one drawn."""
    request_id = scope[KEY] = new_request_id()
    is_one = given is not None and _WELL_FORMED.fullmatch(given)
    shown: str = given if given is not None and is_one else header_value(request_id)
    scope[SHOWN] = shown
    return shown


def request_id_of(scope: Scope) -> RequestId:
    """The id the front door drew for this request. What a surface asks of engines has it, or begins with it and `-`."""
    return RequestId(cast("str", scope[KEY]))


def shown_id_of(scope: Scope) -> str:
    """What this request is called on its answers, in errors and in the log."""
    return cast("str", scope[SHOWN])


def header_value(request_id: RequestId) -> str:
    """As `X-Request-Id` shows an id that was drawn here."""
    return f"req_{request_id}"


def bare_request_id(shown: str) -> RequestId:
    """The drawn id behind any of the forms in which a client meets it: `X-Request-Id`, that of a completion, bare."""
    for prefix in PREFIXES:
        if shown.startswith(prefix):
            return RequestId(shown.removeprefix(prefix))
    return RequestId(shown)
