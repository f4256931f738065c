"""The transport `webrtc`, which is not there yet and says so whatever is asked of it."""

from __future__ import annotations

from contextlib import AbstractAsyncContextManager
from typing import NoReturn, final

from exo_core.errors import NotThereYet
from exo_core.transports import Accept, BlockingLink, Link, Listening, Peer, Ticket, TransportContext


@final
class WebrtcTransport:
    """A `Transport` in name. Every way to reach or be reached raises `NotThereYet`."""

    def __init__(self, context: TransportContext) -> None:
        self._context = context

    @property
    def name(self) -> str:
        """`webrtc`."""
        return "webrtc"

    def serve(self, accept: Accept) -> AbstractAsyncContextManager[Listening]:
        """Raises `NotThereYet`."""
        _refuse()

    def ticket(self, endpoint: str) -> Ticket:
        """Raises `NotThereYet`."""
        _refuse()

    async def connect(self, ticket: Ticket, *, expect: Peer | None = None, timeout: float = 5.0) -> Link:
        """Raises `NotThereYet`."""
        _refuse()

    def listen_blocking(self) -> None:
        """None: there are no links for threads."""
        return

    def connect_blocking(self, ticket: Ticket, *, expect: Peer | None = None, timeout: float = 5.0) -> BlockingLink:
        """Raises `NotImplementedError`, as the contract wants it where there are no links for threads."""
        raise NotImplementedError


def _refuse() -> NoReturn:
    message = "the webrtc transport is not there yet; use --transport tcp"
    raise NotThereYet(message)
