"""Nodes and joiners meet at a rendezvous that learns nothing of them, whatever it does with what they say."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager

import pytest

from exo_core.errors import ConnectError
from exo_core.testing.parties import parties, peer_for
from exo_core.transports import Identity, Link, Listening, Peer, Ticket, TransportContext
from exo_rendezvous.testing.meeting_place import PATIENCE_SECONDS, Rendezvous, until
from exo_transport_webrtc import open_ways
from exo_transport_webrtc.room_way import RoomWay
from exo_transport_webrtc.transport import WebrtcTransport

HONEST: Callable[[bytes], list[bytes]] = lambda said: [said]  # noqa: E731


@asynccontextmanager
async def alice(rendezvous: Rendezvous) -> AsyncGenerator[tuple[Listening, list[Peer]]]:
    """Alice waits at the rendezvous for members and for who holds her one join code; whom she met."""
    met: list[Peer] = []

    async def accept(link: Link) -> None:
        met.append(link.peer)
        await link.send(await link.receive())
        _ = await link.receive()

    known = {parties().inviter.authority_name: parties().inviter}
    context = TransportContext(
        identity=parties().alice,
        identity_named=known.get,
        identities_invited=lambda: list(known.values()),
        settings={"rendezvous": rendezvous.url},
    )
    async with WebrtcTransport(context).serve(accept) as listening:
        await rendezvous.until_seated(2)
        yield listening, met


async def visit(ticket: Ticket, identity: Identity, *, timeout: float = PATIENCE_SECONDS) -> None:
    link = await WebrtcTransport(TransportContext(identity=identity)).connect(ticket, timeout=timeout)
    await link.send(b"hello")
    assert await link.receive() == b"hello"
    await link.close()


async def test_members_and_joiners_meet_and_strangers_do_not(rendezvous: Rendezvous) -> None:
    async with alice(rendezvous) as (listening, met):
        (ticket,) = listening.tickets
        assert ticket.endswith(f"?via={rendezvous.url}")
        await visit(ticket, parties().bob)
        await visit(ticket, parties().joiner)
        for stranger in (parties().stranger, parties().late_joiner):
            with pytest.raises(ConnectError, match="nobody answered"):
                await visit(ticket, stranger, timeout=0.5)
    assert met == [peer_for(parties().bob), peer_for(parties().joiner)]
    await rendezvous.until_seated(0)


async def test_the_rendezvous_learns_nothing(rendezvous: Rendezvous) -> None:
    async with alice(rendezvous) as (listening, _):
        await visit(listening.tickets[0], parties().bob)
    everything = b"".join(rendezvous.heard)
    assert everything
    for identity in (parties().alice, parties().bob):
        for told in (identity.node_id, identity.authority_name, identity.role, identity.authority_name.split(".")[0]):
            assert told.encode() not in everything
    assert b"candidates" not in everything


NOT_SEALED = "was not sealed in this room"
LIES: dict[str, tuple[Callable[[bytes], list[bytes]], str]] = {
    "drops": (lambda _: [], ""),
    "changes": (lambda said: [said[:-1] + bytes((said[-1] ^ 1,))], NOT_SEALED),
    "cuts": (lambda said: [said[:20]], NOT_SEALED),
    "invents": (lambda _: [bytes(200)], NOT_SEALED),
}


@pytest.mark.parametrize("lie", LIES)
async def test_a_rendezvous_that_lies_prevents_a_link_and_nothing_else(
    rendezvous: Rendezvous, caplog: pytest.LogCaptureFixture, lie: str
) -> None:
    async with alice(rendezvous) as (listening, met):
        rendezvous.spoil, complaint = LIES[lie]
        visiting = asyncio.ensure_future(visit(listening.tickets[0], parties().bob))
        await until(lambda: bool(rendezvous.heard) and complaint in caplog.text)
        assert not met
        assert not visiting.done()
        visiting.cancel()
        rendezvous.spoil = HONEST
        await visit(listening.tickets[0], parties().bob)


async def test_what_the_rendezvous_repeats_makes_no_second_link(
    rendezvous: Rendezvous, caplog: pytest.LogCaptureFixture
) -> None:
    async with alice(rendezvous) as (listening, met):
        rendezvous.spoil = lambda said: [said, said]
        await visit(listening.tickets[0], parties().bob)
        assert "heard before" in caplog.text
    assert met == [peer_for(parties().bob)]


async def test_a_rendezvous_that_is_gone_is_said_and_one_that_comes_back_is_found(rendezvous: Rendezvous) -> None:
    async with alice(rendezvous) as (listening, _):
        await rendezvous.stop()
        with pytest.raises(ConnectError, match=r"the rendezvous ws://.* cannot be used"):
            await visit(listening.tickets[0], parties().bob, timeout=1.5)
        await rendezvous.start()
        await rendezvous.until_seated(2)
        await visit(listening.tickets[0], parties().bob)


async def test_a_code_that_is_over_is_not_waited_for_any_more(rendezvous: Rendezvous) -> None:
    invited = [parties().inviter]
    context = TransportContext(
        identity=parties().alice,
        identities_invited=lambda: list(invited),
        settings={"rendezvous": rendezvous.url},
    )

    async def accept(_: Link) -> None:
        await asyncio.sleep(0)

    async with WebrtcTransport(context).serve(accept):
        await rendezvous.until_seated(2)
        invited.clear()
        await rendezvous.until_seated(1)
        assert rendezvous.rooms.seats == 1


async def test_a_way_that_breaks_as_nobody_foresaw_is_taken_up_again(
    rendezvous: Rendezvous, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(open_ways, "AGAIN_SECONDS", 0.05)
    sit, failures = RoomWay.run, iter([KeyError("nobody foresaw this")] * 2)

    async def run(way: RoomWay) -> None:
        for failure in failures:
            raise failure
        await sit(way)

    monkeypatch.setattr(RoomWay, "run", run)
    async with alice(rendezvous) as (listening, met):
        await visit(listening.tickets[0], parties().bob)
    assert met == [peer_for(parties().bob)]
    assert "nobody foresaw this" in caplog.text
