"""Whoever carries envelopes may drop, repeat, change, keep or invent them: no link comes of it, and honest ones do."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager

import pytest

from exo_core.errors import AuthenticationError
from exo_core.testing.parties import parties, peer_for
from exo_core.transports import Identity, Link, Listening, Peer, TransportContext
from exo_core.wire.codec import encode_model
from exo_rendezvous.testing.meeting_place import PATIENCE_SECONDS, until
from exo_transport_webrtc.complaints import Complaints
from exo_transport_webrtc.envelopes import LARGEST_ENVELOPE_BYTES, Offer, read, sign
from exo_transport_webrtc.rtc_facade import Path
from exo_transport_webrtc.testing.post_office import PostOffice
from exo_transport_webrtc.webrtc_settings import WebrtcSettings


@asynccontextmanager
async def alice(office: PostOffice) -> AsyncGenerator[tuple[Listening, list[Peer]]]:
    """Alice can be called; whose links she accepted."""
    accepted: list[Peer] = []

    async def accept(link: Link) -> None:
        accepted.append(link.peer)
        await link.send(await link.receive())

    async with office.transport(TransportContext(identity=parties().alice)).serve(accept) as listening:
        yield listening, accepted


async def visit(office: PostOffice, listening: Listening) -> None:
    """Bob calls, says a word and hears it."""
    link = await office.transport(TransportContext(identity=parties().bob)).connect(
        listening.tickets[0], timeout=PATIENCE_SECONDS
    )
    await link.send(b"hello")
    assert await link.receive() == b"hello"
    await link.close()


@asynccontextmanager
async def visiting_in_vain(office: PostOffice, listening: Listening) -> AsyncGenerator[None]:
    """Bob calls and goes on waiting for a link; he has none at the end."""
    visiting = asyncio.ensure_future(visit(office, listening))
    yield
    assert not visiting.done()
    visiting.cancel()
    await asyncio.wait([visiting])


def resigned(message: bytes, identity: Identity) -> bytes:
    """An offer with another certificate's fingerprint, signed by somebody else."""
    said = read(message).said
    if not isinstance(said, Offer):
        return message
    swapped = said.path.model_copy(update={"fingerprint": bytes(32)})
    return sign(said.model_copy(update={"path": swapped}), identity)


def changed(message: bytes) -> bytes:
    """An offer with another certificate's fingerprint, under the old signature."""
    unproven, forged = read(message), read(resigned(message, parties().alice))
    envelope = unproven.envelope.model_copy(update={"said": forged.envelope.said})
    return encode_model(envelope)


FORGERIES: dict[str, tuple[Callable[[bytes], bytes], str]] = {
    "changed": (changed, "was not signed by it"),
    "a stranger's": (lambda message: resigned(message, parties().stranger), "does not prove who it is"),
    "another member's": (lambda message: resigned(message, parties().bob), "spoke where"),
    "a runner's": (lambda message: resigned(message, parties().runner), "spoke where"),
    "cut": (lambda message: message[:-1], "refused an envelope"),
    "oversized": (lambda message: message + bytes(LARGEST_ENVELOPE_BYTES), "an envelope of"),
}


@pytest.mark.parametrize("forgery", FORGERIES)
async def test_a_forged_offer_is_refused_and_logged(
    office: PostOffice, caplog: pytest.LogCaptureFixture, forgery: str
) -> None:
    forge, complaint = FORGERIES[forgery]
    async with alice(office) as (listening, accepted):
        office.spoil = lambda peer, message: [forge(message) if peer.node_id == parties().bob.node_id else message]
        async with visiting_in_vain(office, listening):
            await until(lambda: complaint in caplog.text)
        office.spoil = lambda _, message: [message]
        await visit(office, listening)
    assert accepted == [peer_for(parties().bob)]


async def test_what_is_repeated_makes_no_second_link(office: PostOffice, caplog: pytest.LogCaptureFixture) -> None:
    async with alice(office) as (listening, accepted):
        office.spoil = lambda _, message: [message, message]
        await visit(office, listening)
        assert "heard before" in caplog.text
        recorded = list(office.carried)
        for sender, peer, message in recorded:
            office.deliver(sender, peer, message)
        await asyncio.sleep(0.3)
        assert accepted == [peer_for(parties().bob)]
        office.spoil = lambda _, message: [message]
        await visit(office, listening)


async def give_up_answering() -> None:
    """As Alice does some seconds after a call of which nothing came."""
    (answering,) = [task for task in asyncio.all_tasks() if task.get_name().startswith("answering ")]
    answering.cancel()
    await asyncio.wait([answering])


async def test_a_late_answer_is_refused(office: PostOffice, caplog: pytest.LogCaptureFixture) -> None:
    kept: list[bytes] = []

    def keep_answers(_: Peer, message: bytes) -> list[bytes]:
        if read(message).said.kind == "answer":
            kept.append(message)
            return []
        return [message]

    async with alice(office) as (listening, accepted):
        office.spoil = keep_answers
        async with visiting_in_vain(office, listening):
            await until(lambda: bool(kept))
        await give_up_answering()
        office.spoil = lambda _, message: [message]
        office.deliver(peer_for(parties().bob), peer_for(parties().alice), kept[0])
        await visit(office, listening)
    assert "it is late, or was said before" in caplog.text
    assert accepted == [peer_for(parties().bob)]


async def test_a_certificate_that_was_not_signed_for_is_refused() -> None:
    ours, theirs = Path(WebrtcSettings(), calls=True), Path(WebrtcSettings(), calls=False)
    descriptions = await asyncio.gather(ours.gather(), theirs.gather())
    lie = descriptions[1].model_copy(update={"fingerprint": bytes(32)})
    told = asyncio.ensure_future(theirs.connect(descriptions[0]))
    with pytest.raises(AuthenticationError, match="another certificate than"):
        await ours.connect(lie)
    await asyncio.gather(ours.close(), theirs.close())
    told.cancel()
    assert not theirs.is_open


async def test_addresses_that_lead_nowhere_cost_the_time_that_was_given_and_no_more() -> None:
    ours, theirs = Path(WebrtcSettings(), calls=True), Path(WebrtcSettings(), calls=False)
    descriptions = await asyncio.gather(ours.gather(), theirs.gather())
    nowhere = tuple(item.model_copy(update={"port": 9}) for item in descriptions[1].candidates)
    began = asyncio.get_running_loop().time()
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.5):
            await ours.connect(descriptions[1].model_copy(update={"candidates": nowhere}))
    await asyncio.gather(ours.close(), theirs.close())
    assert asyncio.get_running_loop().time() - began < 20, "aioice by itself tries for more than 40 s"


def test_complaints_do_not_fill_the_log(caplog: pytest.LogCaptureFixture) -> None:
    now = 0.0
    complaints = Complaints(logging.getLogger("test"), lambda: now)
    for _ in range(1000):
        complaints.about("forged", "refused")
    now = 31.0
    complaints.about("forged", "refused")
    assert [record.message for record in caplog.records] == ["refused", "refused (999 more like it)"]
