"""A connection until it has a seat: it has a few seconds, and gives way when there are too many of its kind."""

from __future__ import annotations

import asyncio
from typing import final

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol

from exo_rendezvous.rooms import Limits


@final
class Visits:
    """All of them."""

    def __init__(self, limits: Limits) -> None:
        self.limits = limits
        self._waiting: dict[Visit, None] = {}

    @property
    def count(self) -> int:
        """How many there are now."""
        return len(self._waiting)

    def begin(self, visit: Visit) -> None:
        """Somebody came; the one who has been there longest has to go when that is one too many."""
        self._waiting[visit] = None
        if self.count > self.limits.visits:
            next(iter(self._waiting)).give_way()

    def end(self, visit: Visit) -> None:
        """They have a seat, or are gone."""
        self._waiting.pop(visit, None)


@final
class Visit(H11Protocol):
    """uvicorn's HTTP/1.1. Its server is made with `Visits` in its `app_state`, since uvicorn builds connections."""

    _cut: asyncio.TimerHandle | None = None

    @property
    def _visits(self) -> Visits:
        visits: object = self.app_state["visits"]
        assert isinstance(visits, Visits), "the server was made with them"  # noqa: S101
        return visits

    def connection_made(self, transport: asyncio.Transport) -> None:
        super().connection_made(transport)
        self._cut = self.loop.call_later(self._visits.limits.visit_seconds, transport.abort)
        self._visits.begin(self)

    def connection_lost(self, exc: Exception | None) -> None:
        self._end()
        super().connection_lost(exc)

    def handle_websocket_upgrade(self, event: h11.Request) -> None:
        """From here on the room's rules hold."""
        self._end()
        super().handle_websocket_upgrade(event)

    def give_way(self) -> None:
        """Go, so that another has room."""
        self._end()
        self.transport.abort()

    def _end(self) -> None:
        if self._cut is not None:
            self._cut.cancel()
            self._cut = None
            self._visits.end(self)
