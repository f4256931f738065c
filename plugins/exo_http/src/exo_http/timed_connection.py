"""A connection of uvicorn's that is cut when its request head, or a body nobody wants any more, takes too long."""

from __future__ import annotations

import asyncio
import json
from typing import final

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol

from exo_http.application import Application
from exo_http.errors import error_body
from exo_http.limits import Limits
from exo_http.request_ids import header_value, new_request_id


@final
class TimedConnection(H11Protocol):
    """uvicorn's HTTP/1.1, with time limits, and errors of the parser in the shape of all others.

    Limits are the application's, since uvicorn builds connections itself.
    """

    _cut: asyncio.TimerHandle | None = None

    @property
    def _limits(self) -> Limits:
        return self.config.app.limits if isinstance(self.config.app, Application) else Limits()

    def connection_made(self, transport: asyncio.Transport) -> None:
        super().connection_made(transport)
        self._cut_after(self._limits.header_seconds)

    def connection_lost(self, exc: Exception | None) -> None:
        self._stop_timer()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        self._time_head()

    def on_response_complete(self) -> None:
        super().on_response_complete()
        if self.conn.their_state is h11.SEND_BODY:  # refused before it was read
            self._cut_after(self._limits.unread_seconds)
        else:
            self._time_head()

    def send_400_response(self, msg: str) -> None:
        """Answer what is no HTTP request, or a head that never ends."""
        too_large = len(self.conn.trailing_data[0]) > self._limits.unparsed_bytes
        status, code = (431, "headers_too_large") if too_large else (400, "invalid_http")
        body = json.dumps(error_body(status, code, msg)).encode()
        headers = [
            ("content-type", "application/json"),
            ("content-length", str(len(body))),
            ("x-request-id", header_value(new_request_id())),
            ("connection", "close"),
        ]
        if self.conn.our_state in {h11.IDLE, h11.SEND_RESPONSE}:
            self.transport.write(self.conn.send(h11.Response(status_code=status, headers=headers)) or b"")
            self.transport.write(self.conn.send(h11.Data(data=body)) or b"")
            self.transport.write(self.conn.send(h11.EndOfMessage()) or b"")
        self.transport.close()

    def _time_head(self) -> None:
        """Let the clock run while a request's head is incomplete, from its first byte."""
        if self.conn.their_state is h11.IDLE and self.conn.trailing_data[0]:
            if self._cut is None:
                self._cut_after(self._limits.header_seconds)
        elif self.conn.their_state is not h11.SEND_BODY or self.conn.our_state is not h11.DONE:
            self._stop_timer()  # a request is being read or answered: the guards take over

    def _cut_after(self, seconds: float) -> None:
        self._stop_timer()
        self._cut = self.loop.call_later(seconds, self._close)

    def _stop_timer(self) -> None:
        if self._cut is not None:
            self._cut.cancel()
            self._cut = None

    def _close(self) -> None:
        self._cut = None
        self.transport.close()
