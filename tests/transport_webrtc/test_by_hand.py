"""Two machines that have nothing in common but what a person carries between them."""

from __future__ import annotations

import asyncio
import zlib
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager

import pytest

from exo_core.errors import AuthenticationError, ConnectError, WireError
from exo_core.hand_links import AnswersByHand, OffersByHand
from exo_core.testing.parties import parties, peer_for
from exo_core.transports import Identity, Link, Peer, TransportContext
from exo_transport_webrtc import by_hand
from exo_transport_webrtc.envelopes import LARGEST_ENVELOPE_BYTES, Answer, read, sign
from exo_transport_webrtc.sealing import HandSeal
from exo_transport_webrtc.transport import WebrtcTransport

LARGEST_MESSAGE = 2500
"""So much is a text of 4,000 letters; a machine has a handful of addresses."""


def transport(identity: Identity) -> WebrtcTransport:
    """One without a signaller, a rendezvous or any other way."""
    return WebrtcTransport(TransportContext(identity=identity))


@asynccontextmanager
async def inviter() -> AsyncGenerator[tuple[OffersByHand, list[Peer]]]:
    """Alice, who has made a join code; who came to her."""
    met: list[Peer] = []

    async def accept(link: Link) -> None:
        met.append(link.peer)
        await link.send(await link.receive())
        _ = await link.receive()

    async with transport(parties().alice).serve(accept) as listening:
        assert isinstance(listening, OffersByHand)
        yield listening, met


async def check_that_it_carries(link: Link) -> None:
    await link.send(b"hello")
    assert await link.receive() == b"hello"
    await link.close()


async def test_two_messages_make_a_link_however_long_they_take() -> None:
    async with inviter() as (listening, met):
        offer = await listening.offer_by_hand(parties().inviter)
        joiner = transport(parties().joiner)
        assert isinstance(joiner, AnswersByHand)
        answer = await joiner.answer_by_hand(offer.message)
        linking = asyncio.ensure_future(answer.link())
        await asyncio.sleep(1.5)  # carried back
        assert not linking.done()
        assert await offer.take(answer.message) == peer_for(parties().joiner)
        link = await linking
        answer.close()
        offer.close()
        assert link.peer == peer_for(parties().inviter)
        assert max(len(offer.message), len(answer.message)) < LARGEST_MESSAGE
        await check_that_it_carries(link)
        with pytest.raises(ConnectError, match="answered already"):
            _ = await offer.take(answer.message)
    assert met == [peer_for(parties().joiner)]


def repacked(message: bytes, identity: Identity, change: Callable[[bytes], bytes]) -> bytes:
    """The envelope in a message, changed by somebody who knows the join code."""
    seal = HandSeal(identity.meeting_key)
    packer = zlib.compressobj(wbits=-15)
    return seal.seal(packer.compress(change(zlib.decompress(seal.open(message), wbits=-15))) + packer.flush())


def with_another_certificate(envelope: bytes, identity: Identity) -> bytes:
    said = read(envelope).said
    assert isinstance(said, Answer)
    swapped = said.path.model_copy(update={"fingerprint": bytes(32)})
    return sign(said.model_copy(update={"path": swapped}), identity)


def cut(message: bytes) -> bytes:
    return message[:-1]


def too_large(message: bytes) -> bytes:
    return repacked(message, parties().joiner, lambda envelope: envelope + bytes(LARGEST_ENVELOPE_BYTES))


def of_a_stranger(message: bytes) -> bytes:
    return repacked(message, parties().joiner, lambda envelope: with_another_certificate(envelope, parties().stranger))


FORGERIES: dict[str, tuple[Callable[[bytes], bytes], type[Exception], str]] = {
    "cut": (cut, AuthenticationError, "not sealed for this offer"),
    "nonsense": (lambda _: bytes(100), AuthenticationError, "not sealed for this offer"),
    "nothing": (lambda _: b"", AuthenticationError, "not sealed for this offer"),
    "too large": (too_large, WireError, "more than"),
    "a stranger's": (of_a_stranger, AuthenticationError, "does not prove who it is"),
}


@pytest.mark.parametrize("forgery", FORGERIES)
async def test_an_answer_that_is_none_is_refused_and_the_offer_still_waits(forgery: str) -> None:
    forge, error, complaint = FORGERIES[forgery]
    async with inviter() as (listening, met):
        offer = await listening.offer_by_hand(parties().inviter)
        answer = await transport(parties().joiner).answer_by_hand(offer.message)
        linking = asyncio.ensure_future(answer.link())
        with pytest.raises(error, match=complaint):
            _ = await offer.take(forge(answer.message))
        assert not met
        assert await offer.take(answer.message) == peer_for(parties().joiner)
        await check_that_it_carries(await linking)


async def test_an_answer_to_another_offer_is_refused_and_so_is_the_offer_itself() -> None:
    async with inviter() as (listening, _):
        first, second = [await listening.offer_by_hand(parties().inviter) for _ in range(2)]
        answer = await transport(parties().joiner).answer_by_hand(first.message)
        with pytest.raises(AuthenticationError, match="answers another offer"):
            _ = await second.take(answer.message)
        with pytest.raises(WireError):
            _ = await second.take(first.message)
        for stranger in (parties().late_joiner, parties().bob):
            with pytest.raises(AuthenticationError):
                _ = await transport(stranger).answer_by_hand(first.message)
        for void in (answer, first, second):
            void.close()


async def test_another_certificate_than_the_answer_promised_makes_no_link() -> None:
    async with inviter() as (listening, met):
        offer = await listening.offer_by_hand(parties().inviter)
        answer = await transport(parties().joiner).answer_by_hand(offer.message)
        linking = asyncio.ensure_future(answer.link())
        lie = repacked(
            answer.message, parties().joiner, lambda envelope: with_another_certificate(envelope, parties().joiner)
        )
        with pytest.raises(ConnectError, match="another certificate"):
            _ = await offer.take(lie)
        with pytest.raises(ConnectError, match="answered already"):
            _ = await offer.take(answer.message)
        assert not met
        linking.cancel()
        answer.close()


async def test_machines_that_do_not_reach_each_other_are_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(by_hand, "PATH_SECONDS", 0.3)
    async with inviter() as (listening, met):
        offer = await listening.offer_by_hand(parties().inviter)
        answer = await transport(parties().joiner).answer_by_hand(offer.message)
        answer.close()  # the other machine is gone
        with pytest.raises(ConnectError):
            _ = await offer.take(answer.message)
        assert not met
