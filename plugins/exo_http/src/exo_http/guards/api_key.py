"""Only who has the key, where one is set."""

from __future__ import annotations

import base64
import binascii
import hmac
from collections.abc import Iterator
from typing import final

from starlette.types import ASGIApp, Receive, Scope, Send

from exo_http.errors import ApiError
from exo_http.guards.header_values import header
from exo_http.health import is_health


@final
class ApiKeyGuard:
    """Asks every request but `GET /health` for the key."""

    def __init__(self, app: ASGIApp, api_key: str | None) -> None:
        self._app = app
        self._key = None if api_key is None else api_key.encode()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Compare in constant time, then pass on."""
        if self._key is not None and not is_health(scope) and not self._is_given(self._key, scope):
            # A browser that opens the page is made to ask for a password; elsewhere its dialog would be in the way.
            scheme = 'Basic realm="exo", charset="UTF-8"' if scope["path"] == "/" else "Bearer"
            message = "a key is needed: send it as 'Authorization: Bearer KEY', as 'x-api-key', or as a Basic password"
            raise ApiError(401, "invalid_api_key", message, headers={"WWW-Authenticate": scheme})
        await self._app(scope, receive, send)

    def _is_given(self, key: bytes, scope: Scope) -> bool:
        matches = [hmac.compare_digest(given, key) for given in given_keys(scope)]
        return True in matches


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
