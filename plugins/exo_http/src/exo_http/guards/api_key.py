"""Only who has a key, where there are any."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterator
from typing import final

from starlette.types import ASGIApp, Receive, Scope, Send

from exo_http.errors import ApiError
from exo_http.guards.header_values import header
from exo_http.health import is_health
from exo_http.key_ring import KeyRing
from exo_http.keys import EVERYTHING
from exo_http.scopes import GRANTED


@final
class ApiKeyGuard:
    """Asks every request but `GET /health` for a key, and notes what the key may do."""

    def __init__(self, app: ASGIApp, keys: KeyRing) -> None:
        self._app = app
        self._keys = keys

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Compare digests, then pass on."""
        scope[GRANTED] = EVERYTHING
        if self._keys.is_needed and not is_health(scope):
            scope[GRANTED] = self._keys.scopes_of(given_keys(scope))
            if scope[GRANTED] is None:
                raise _key_needed(scope)
        await self._app(scope, receive, send)


def _key_needed(scope: Scope) -> ApiError:
    # A browser that opens the page is made to ask for a password; elsewhere its dialog would be in the way.
    scheme = 'Basic realm="exo", charset="UTF-8"' if scope["path"] == "/" else "Bearer"
    message = "a key is needed: send it as 'Authorization: Bearer KEY', as 'x-api-key', or as a Basic password"
    return ApiError(401, "invalid_api_key", message, headers={"WWW-Authenticate": scheme})


def given_keys(scope: Scope) -> Iterator[bytes]:
    """Every key that a request shows, in any of the three places."""
    scheme, _, credentials = (header(scope, b"authorization") or "").strip().partition(" ")
    if scheme.lower() == "bearer":
        yield credentials.strip().encode("latin-1")
    if scheme.lower() == "basic":
        yield _basic_password(credentials.strip())
    in_header = header(scope, b"x-api-key")
    if in_header is not None:
        yield in_header.encode("latin-1")


def _basic_password(credentials: str) -> bytes:
    try:
        return base64.b64decode(credentials, validate=True).partition(b":")[2]
    except (binascii.Error, ValueError):
        return b""
