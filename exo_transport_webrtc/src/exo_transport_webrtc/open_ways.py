"""Which ways to others are open, and for how long?"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Generator
from contextlib import asynccontextmanager, contextmanager
from typing import final

from exo_core.errors import ConnectError
from exo_core.transports import TransportContext
from exo_transport_webrtc.tickets import Address
from exo_transport_webrtc.ways import ClusterWay, TakeEnvelope, Way
from exo_transport_webrtc.webrtc_settings import WebrtcSettings


@final
class OpenWays:
    """Opens a way when it is first needed, and closes it when nobody needs it any more."""

    def __init__(self, context: TransportContext, settings: WebrtcSettings, take: TakeEnvelope) -> None:
        self._take = take
        self._cluster = ClusterWay(context.signaller) if context.signaller is not None else None
        self._users = 0
        self._reading: asyncio.Task[None] | None = None
        self.rendezvous = settings.rendezvous
        """Where others meet us."""

    @asynccontextmanager
    async def waiting_for_calls(self) -> AsyncGenerator[None]:
        """All ways by which a call might come."""
        with self._reading_cluster():
            yield

    @asynccontextmanager
    async def to(self, address: Address) -> AsyncGenerator[list[Way]]:
        """The ways by which that party might be reached. Raises `ConnectError` when there is none."""
        ways: list[Way] = [] if self._cluster is None else [self._cluster]
        if not ways:
            message = (
                f"{address.ticket}: there is nobody yet to pass a call on. Name a rendezvous: "
                "start the node that invites with EXO_WEBRTC_RENDEZVOUS=https://HOST:PORT"
            )
            raise ConnectError(message)
        with self._reading_cluster():
            yield ways

    @contextmanager
    def _reading_cluster(self) -> Generator[None]:
        """One task takes what members pass on, as long as anybody waits for something."""
        self._users += 1
        if self._cluster is not None and self._reading is None:
            self._reading = asyncio.create_task(self._cluster.run(self._take), name="taking webrtc calls")
        try:
            yield
        finally:
            self._users -= 1
            if not self._users and self._reading is not None:
                self._reading.cancel()
                self._reading = None
