"""A connection of uvicorn's that is cut when its client lets it wait: for a request, for a body, or for reading."""

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
    """uvicorn's HTTP/1.1, with limits, and errors of the parser in the shape of all others.

    Limits are the application's, since uvicorn builds connections itself.
    """

    _cut: asyncio.TimerHandle | None = None
    """While a request is waited for, or the rest of a body that nobody wants any more."""
    _unread: asyncio.TimerHandle | None = None
    """While bytes wait for the client to read them."""
    _is_refused = False
    """It was told that it sends no HTTP: whatever else it sends is thrown away."""

    @property
    def _application(self) -> Application:
        application = self.config.app
        assert isinstance(application, Application), "the server was made with one"  # noqa: S101
        return application

    @property
    def _limits(self) -> Limits:
        return self._application.limits

    def connection_made(self, transport: asyncio.Transport) -> None:
        super().connection_made(transport)
        transport.set_write_buffer_limits(high=0)  # so that `pause_writing` says when anything waits for the client
        self._application.idle.add(self)
        self._cut_after(self._limits.header_seconds)
        if len(self.connections) > self._limits.connections:
            self._make_room()

    def connection_lost(self, exc: Exception | None) -> None:
        self._application.idle.remove(self)
        self._stop_timer()
        self._read_again()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        if self._is_refused:
            return
        super().data_received(data)
        if self._is_answering:
            self._application.idle.remove(self)
        if not self._is_refused:
            self._time_head()

    def pause_writing(self) -> None:
        """The client does not read as fast as it is answered."""
        super().pause_writing()
        self._unread_after(self.transport.get_write_buffer_size())

    def resume_writing(self) -> None:
        """It has read everything."""
        super().resume_writing()
        self._read_again()

    def on_response_complete(self) -> None:
        super().on_response_complete()
        if not self._is_answering:
            self._application.idle.add(self)
        if self.conn.their_state is h11.SEND_BODY:  # refused before it was read
            self._cut_after(self._limits.unread_seconds)
        else:
            self._time_head()

    def send_400_response(self, msg: str) -> None:
        """Answer what is no HTTP request, or a head that never ends."""
        too_large = len(self.conn.trailing_data[0]) > self._limits.unparsed_bytes
        status, code = (431, "headers_too_large") if too_large else (400, "invalid_http")
        if self.conn.our_state in {h11.IDLE, h11.SEND_RESPONSE}:
            self._refuse(status, code, msg)
        self._hear_no_more()

    # one connection too many -------------------------------------------------------------------------------

    def give_way(self) -> None:
        """See `Idle`."""
        self.transport.abort()

    def _make_room(self) -> None:
        if not self._application.idle.make_room(self):
            self._refuse(503, "too_many_connections", "this node has as many connections as it takes; ask again soon")
            self._close()

    def _refuse(self, status: int, code: str, message: str) -> None:
        """Answer without having been asked anything that can be understood."""
        body = json.dumps(error_body(status, code, message)).encode()
        headers = [
            ("content-type", "application/json"),
            ("content-length", str(len(body))),
            ("x-request-id", header_value(new_request_id())),
            ("connection", "close"),
        ]
        events = (h11.Response(status_code=status, headers=headers), h11.Data(data=body), h11.EndOfMessage())
        self.transport.write(b"".join(self.conn.send(event) or b"" for event in events))

    def _hear_no_more(self) -> None:
        """Close soon, or when the client does: what is unread at a close takes the answer away from it."""
        self._is_refused = True
        self.transport.write_eof()
        self._cut_after(self._limits.unread_seconds)

    # whom it waits for, and how long -----------------------------------------------------------------------

    @property
    def _is_answering(self) -> bool:
        return bool(self.cycle) and not self.cycle.response_complete

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
        self._stop_timer()
        self.transport.close()

    def _unread_after(self, waiting: int) -> None:
        self._read_again()
        self._unread = self.loop.call_later(self._limits.unread_answer_seconds, self._look_whether_read, waiting)

    def _look_whether_read(self, waiting: int) -> None:
        """Nothing is added while bytes wait, so fewer of them mean that some were read."""
        left = self.transport.get_write_buffer_size()
        if left < waiting:
            self._unread_after(left)
        else:
            self.transport.abort()

    def _read_again(self) -> None:
        if self._unread is not None:
            self._unread.cancel()
            self._unread = None
