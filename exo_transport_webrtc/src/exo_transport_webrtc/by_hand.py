"""Links that a person arranges: see `exo_core.hand_links`.

The two messages are envelopes as always, signed by the key of their sender's leaf. They are packed and sealed by what
follows from the meeting key, so the answer can be read by those alone who know the join code.
"""

from __future__ import annotations

import asyncio
import secrets
import zlib
from collections.abc import Callable
from typing import Final, final

from exo_core.errors import AuthenticationError, ConnectError, WireError
from exo_core.transports import Identity, Peer
from exo_transport_webrtc.envelopes import (
    LARGEST_ENVELOPE_BYTES,
    NUMBER_BYTES,
    Answer,
    OpenOffer,
    prove,
    read,
    read_open,
    sign,
    sign_open,
)
from exo_transport_webrtc.link import WebrtcLink
from exo_transport_webrtc.path_description import PathDescription
from exo_transport_webrtc.path_making import linked
from exo_transport_webrtc.rtc_facade import Path
from exo_transport_webrtc.sealing import HandSeal
from exo_transport_webrtc.webrtc_settings import WebrtcSettings

PATH_SECONDS: Final = 20.0
"""From a proper answer to the link: the other side is there, and sends already."""


@final
class WebrtcHandOffer:
    """A `HandOffer`. `take_link` is handed the link."""

    def __init__(
        self, path: Path, described: PathDescription, identity: Identity, take_link: Callable[[WebrtcLink], None]
    ) -> None:
        self._path = path
        self._identity = identity
        self._take_link = take_link
        self._number = secrets.token_bytes(NUMBER_BYTES)
        self._seal = HandSeal(identity.meeting_key)
        self._is_void = False
        offer = OpenOffer(authority=identity.authority_name, offer=self._number, path=described)
        self.message = _packed(sign_open(offer, identity), self._seal)

    async def take(self, answer: bytes) -> Peer:
        """See `HandOffer`."""
        said, peer = self._judged(answer)
        if self._is_void:
            message = "the offer was answered already, or waits no longer"
            raise ConnectError(message)
        self._is_void = True
        try:
            async with asyncio.timeout(PATH_SECONDS):
                link = await linked(self._path, said.path, peer)
        except TimeoutError as problem:
            self._path.close_soon()
            message = "no two addresses of the two sides reach each other (a TURN server would help)"
            raise ConnectError(message) from problem
        except AuthenticationError as problem:
            self._path.close_soon()
            raise ConnectError(str(problem)) from problem  # the answer was proper, and the offer is void now
        except BaseException:
            self._path.close_soon()
            raise
        self._take_link(link)
        return peer

    def close(self) -> None:
        """See `HandOffer`."""
        if not self._is_void:
            self._is_void = True
            self._path.close_soon()

    def _judged(self, answer: bytes) -> tuple[Answer, Peer]:
        unproven = read(_unpacked(answer, self._seal))
        said, own = unproven.said, Peer(node_id=self._identity.node_id, role=self._identity.role)
        if not isinstance(said, Answer) or said.offer != self._number or unproven.addressee != own:
            message = "what was brought back answers another offer"
            raise AuthenticationError(message)
        return said, prove(unproven.envelope, self._identity)


@final
class WebrtcHandAnswer:
    """A `HandAnswer`."""

    def __init__(
        self, path: Path, described: PathDescription, offer: OpenOffer, peer: Peer, identity: Identity
    ) -> None:
        self._path = path
        self._offer = offer
        self._peer = peer
        self._is_linked = False
        answer = Answer(
            authority=offer.authority,
            node_id=peer.node_id,
            role=peer.role,
            call=offer.offer,  # nobody called
            offer=offer.offer,
            path=described,
        )
        self.message = _packed(sign(answer, identity), HandSeal(identity.meeting_key))

    async def link(self) -> WebrtcLink:
        """See `HandAnswer`."""
        link = await linked(self._path, self._offer.path, self._peer, patient=True)
        self._is_linked = True
        return link

    def close(self) -> None:
        """See `HandAnswer`."""
        if not self._is_linked:
            self._path.close_soon()


async def make_offer(
    identity: Identity, settings: WebrtcSettings, take_link: Callable[[WebrtcLink], None]
) -> WebrtcHandOffer:
    """An offer to who has business with `identity`. Raises `ConnectError` without a network."""
    path = Path(settings, calls=False)
    return WebrtcHandOffer(path, await _described(path), identity, take_link)


async def answer_offer(message: bytes, identity: Identity, settings: WebrtcSettings) -> WebrtcHandAnswer:
    """Answer an offer made to `identity`. Raises `WireError`, `AuthenticationError`, `ConnectError`."""
    offer, peer = read_open(_unpacked(message, HandSeal(identity.meeting_key)), identity)
    path = Path(settings, calls=True)
    return WebrtcHandAnswer(path, await _described(path), offer, peer, identity)


async def _described(path: Path) -> PathDescription:
    try:
        described = await path.gather()
    except BaseException:
        path.close_soon()
        raise
    path.stay_reachable()
    return described


def _packed(envelope: bytes, seal: HandSeal) -> bytes:
    packer = zlib.compressobj(level=9, wbits=-15)
    return seal.seal(packer.compress(envelope) + packer.flush())


def _unpacked(message: bytes, seal: HandSeal) -> bytes:
    """Raises `AuthenticationError`, `WireError`."""
    unpacker = zlib.decompressobj(wbits=-15)
    try:
        envelope = unpacker.decompress(seal.open(message), LARGEST_ENVELOPE_BYTES)
    except zlib.error as problem:
        text = f"an envelope that cannot be unpacked: {problem}"
        raise WireError(text) from problem
    if not unpacker.eof:
        text = f"an envelope of more than {LARGEST_ENVELOPE_BYTES} bytes"
        raise WireError(text)
    return envelope
