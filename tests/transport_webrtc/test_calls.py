"""Who calls too much is not answered, and keeps nobody else from being answered."""

from __future__ import annotations

import logging
import secrets

import pytest

from exo_core.testing.parties import parties, peer_for
from exo_core.transports import Identity, Link, Peer, TransportContext
from exo_rendezvous.testing.meeting_place import PATIENCE_SECONDS, until
from exo_transport_webrtc import listening as being_called
from exo_transport_webrtc.envelopes import NUMBER_BYTES, Call, read, sign
from exo_transport_webrtc.testing.post_office import PostOffice


def call_of(caller: Identity, called: Identity) -> bytes:
    """A call that nobody goes on with."""
    said = Call(
        authority=called.authority_name,
        node_id=called.node_id,
        role=called.role,
        call=secrets.token_bytes(NUMBER_BYTES),
    )
    return sign(said, caller)


async def test_the_holder_of_a_join_code_does_not_keep_members_from_being_answered(
    office: PostOffice, caplog: pytest.LogCaptureFixture
) -> None:
    known = {parties().inviter.authority_name: parties().inviter}
    context = TransportContext(identity=parties().alice, identity_named=known.get)
    offered: list[Peer] = []
    caplog.set_level(logging.WARNING)

    def watch(peer: Peer, message: bytes) -> list[bytes]:
        if read(message).said.kind == "offer":
            offered.append(peer)
        return [message]

    async def accept(link: Link) -> None:
        await link.send(await link.receive())

    async with office.transport(context).serve(accept) as listening:
        office.spoil = watch
        for _ in range(2 * being_called.MOST_CALLS):
            office.deliver(
                peer_for(parties().joiner), peer_for(parties().alice), call_of(parties().joiner, parties().inviter)
            )
        bob = office.transport(TransportContext(identity=parties().bob))
        link = await bob.connect(listening.tickets[0], timeout=PATIENCE_SECONDS)
        await link.send(b"hello")
        assert await link.receive() == b"hello"
        await link.close()
    assert offered.count(peer_for(parties().joiner)) == being_called.MOST_OF_A_CODE
    assert "is not answered" in caplog.text
    assert len(caplog.records) == 1, "the log is not filled"


async def test_a_code_is_answered_again_once_its_calls_came_to_nothing(
    office: PostOffice, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(being_called, "ANSWER_SECONDS", 0.3)
    caplog.set_level(logging.INFO)
    known = {parties().inviter.authority_name: parties().inviter}
    context = TransportContext(identity=parties().alice, identity_named=known.get)

    async def accept(link: Link) -> None:
        await link.send(await link.receive())

    async with office.transport(context).serve(accept) as listening:
        for _ in range(being_called.MOST_OF_A_CODE):
            office.deliver(
                peer_for(parties().joiner), peer_for(parties().alice), call_of(parties().joiner, parties().inviter)
            )
        await until(lambda: caplog.text.count("called and then did not come") == being_called.MOST_OF_A_CODE)
        monkeypatch.undo()
        joiner = office.transport(TransportContext(identity=parties().joiner))
        link = await joiner.connect(listening.tickets[0], timeout=PATIENCE_SECONDS)
        assert link.peer == peer_for(parties().inviter)
        await link.close()
