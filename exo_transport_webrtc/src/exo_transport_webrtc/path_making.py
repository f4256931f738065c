"""From a call to a link: the caller's side, and the side of the one who is called."""

from __future__ import annotations

from typing import final

from exo_core.transports import MAXIMUM_MESSAGE_BYTES, Peer
from exo_transport_webrtc.channel_protocol import ChannelProtocol
from exo_transport_webrtc.envelopes import Call, Proven
from exo_transport_webrtc.exchange import Exchange
from exo_transport_webrtc.link import WebrtcLink
from exo_transport_webrtc.path_description import PathDescription
from exo_transport_webrtc.rtc_facade import Path
from exo_transport_webrtc.ways import Way
from exo_transport_webrtc.webrtc_settings import WebrtcSettings


@final
class PathMaker:
    """Makes links over one exchange. Neither side bounds its time: whoever asks for a link does."""

    def __init__(self, exchange: Exchange, settings: WebrtcSettings) -> None:
        self.exchange = exchange
        self.settings = settings

    async def call(self, peer: Peer, ways: list[Way]) -> WebrtcLink:
        """A link to a party that is called by these ways. Raises `ConnectError`, `AuthenticationError`."""
        path = Path(self.settings, calls=True)
        try:
            path.start_gathering()
            offer, way = await self.exchange.call(peer, ways)
            await self.exchange.answer(offer, way, await path.gather())
            return await linked(path, offer.said.path, peer)
        except BaseException:
            path.close_soon()
            raise

    async def answer(self, call: Proven[Call], way: Way) -> WebrtcLink:
        """A link to whoever called. Raises like `call`."""
        path = Path(self.settings, calls=False)
        try:
            answer = await self.exchange.offer(call, way, await path.gather())
            return await linked(path, answer.said.path, call.sender)
        except BaseException:
            path.close_soon()
            raise


async def linked(
    path: Path,
    other: PathDescription,
    peer: Peer,
    *,
    patient: bool = False,
    largest_message: int = MAXIMUM_MESSAGE_BYTES,
) -> WebrtcLink:
    """A link on a path. `patient`: the other side begins some time later, or from addresses that it does not name.

    A peer that sends more than `largest_message` bytes at once loses it. Raises like `Path.connect`.
    """
    await path.connect(other, patient=patient)
    protocol = ChannelProtocol(path, largest_message=largest_message)
    try:
        await protocol.welcomed
    except BaseException:
        protocol.abandon()
        raise
    return WebrtcLink(protocol, peer)
