"""By which ways can an envelope reach somebody with whom there is no path yet?"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol, final

from exo_core.transports import Peer, Signaller


class Way(Protocol):
    """Carries envelopes. Best effort: they may be lost, repeated, changed or read by others."""

    async def send(self, peer: Peer, envelope: bytes) -> None:
        """Hand an envelope to that party."""
        ...


TakeEnvelope = Callable[[bytes, Way], None]


@final
class ClusterWay:
    """Over the cluster's links, through any member that both can reach; in a runner, over the pipe to its node."""

    def __init__(self, signaller: Signaller) -> None:
        self._signaller = signaller

    async def send(self, peer: Peer, envelope: bytes) -> None:
        """See `Way`."""
        await self._signaller.send(peer, envelope)

    async def run(self, take: TakeEnvelope) -> None:
        """Take what comes in, for ever."""
        while True:
            _, envelope = await self._signaller.receive()
            take(envelope, self)

    def __repr__(self) -> str:
        return "a member of the cluster"
