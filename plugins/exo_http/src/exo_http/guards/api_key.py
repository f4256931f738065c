"""Only who has a key, where there are any."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterator
from typing import final

from starlette.types import ASGIApp, Receive, Scope, Send

from exo_http.errors import ApiError
from exo_http.grants import GRANT, Grant, came_by_entrance, lowered
from exo_http.guards.header_values import header
from exo_http.health import is_health
from exo_http.key_ring import KeyRing


@final
class ApiKeyGuard:
    """Asks every request but `GET /health` for a key, and notes what it grants."""

    def __init__(self, app: ASGIApp, keys: KeyRing) -> None:
        self._app = app
        self._keys = keys

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Compare digests, then pass on."""
        is_needed = (self._keys.is_needed or came_by_entrance(scope)) and not is_health(scope)
        grant = self._keys.grant_of(given_keys(scope)) if is_needed else Grant()
        if grant is None:
            raise _key_needed(scope)
        scope[GRANT] = lowered(grant, scope)
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
