"""What every transport must do. Subclass `TransportConformance`, override one fixture, and run pytest.

    class TestPigeon(TransportConformance):
        @pytest.fixture
        def make_transport(self):
            return PigeonTransport

`blocking = False` says that the transport has no links for threads, `listen` where its listeners may listen, and
`thin = True` that it moves only a few MiB a second: then no more is sent than shows what is to be shown.
"""

from __future__ import annotations

import asyncio

import pytest

from exo_core.errors import AuthenticationError, ConnectError, LinkClosed
from exo_core.testing.link_conformance import PATIENCE_SECONDS, LinkConformance, MakeTransport
from exo_core.testing.parties import parties, peer_for
from exo_core.transports import (
    Link,
    Listening,
    Peer,
    Ticket,
    TransportContext,
)

__all__ = ["MakeTransport", "TransportConformance"]


class TransportConformance(LinkConformance):
    """Tests of the contract in `exo_core.transports`, for `Transport`, `Link` and (`blocking`) their blocking kin."""

    # serving ---------------------------------------------------------------------------------------------

    @pytest.mark.asyncio
    async def test_leaving_serve_closes_the_links_and_stops_listening(self, make_transport: MakeTransport) -> None:
        async def accept(link: Link) -> None:
            await link.send(b"hello")
            _ = await link.receive()

        transport = make_transport(TransportContext(identity=parties().bob))
        async with self.serving(make_transport, accept) as listening:
            ticket = listening.tickets[0]
            link = await transport.connect(ticket, timeout=PATIENCE_SECONDS)
            assert await link.receive() == b"hello"
        with pytest.raises(LinkClosed):
            _ = await link.receive()
        await link.close()
        with pytest.raises(ConnectError):
            _ = await transport.connect(ticket, timeout=2.0)

    @pytest.mark.asyncio
    async def test_a_handler_that_returns_or_fails_ends_its_own_link_only(self, make_transport: MakeTransport) -> None:
        async def accept(link: Link) -> None:
            match bytes(await link.receive()):
                case b"fail":
                    raise RuntimeError
                case b"return":
                    return
                case _:
                    await link.send(b"still here")

        transport = make_transport(TransportContext(identity=parties().bob))
        async with self.serving(make_transport, accept) as listening:
            links = [await transport.connect(listening.tickets[0], timeout=PATIENCE_SECONDS) for _ in range(3)]
            for link, word in zip(links, (b"fail", b"return", b"stay"), strict=True):
                await link.send(word)
            for link in links[:2]:
                with pytest.raises(LinkClosed):
                    _ = await link.receive()
            assert await links[2].receive() == b"still here"
            for link in links:
                await link.close()

    # who is there ----------------------------------------------------------------------------------------

    @pytest.mark.asyncio
    async def test_each_end_knows_the_other(self, make_transport: MakeTransport) -> None:
        async with self.linked(make_transport, expect=peer_for(parties().alice)) as (near, far):
            assert near.peer == peer_for(parties().alice)
            assert far.peer == peer_for(parties().bob)
            assert near.address
            assert near.transport == make_transport(TransportContext(identity=parties().bob)).name

    @pytest.mark.asyncio
    async def test_a_runner_is_seen_as_its_nodes_runner(self, make_transport: MakeTransport) -> None:
        async with self.linked(make_transport, parties().runner) as (_, far):
            assert far.peer == Peer(node_id=parties().bob.node_id, role="runner:runner-1")

    @pytest.mark.asyncio
    async def test_whoever_is_not_expected_is_refused(self, make_transport: MakeTransport) -> None:
        for expect in (peer_for(parties().bob), Peer(node_id=parties().alice.node_id, role="runner:runner-1")):
            with pytest.raises(AuthenticationError):
                async with self.linked(make_transport, expect=expect):
                    pass

    @pytest.mark.asyncio
    async def test_another_cluster_gets_nowhere(self, make_transport: MakeTransport) -> None:
        accepted: list[Peer] = []

        async def accept(link: Link) -> None:
            accepted.append(link.peer)
            await link.send(b"hello")

        async with self.serving(make_transport, accept) as listening:
            for intruder in (parties().stranger, parties().late_joiner):
                transport = make_transport(TransportContext(identity=intruder))
                with pytest.raises(ConnectError):
                    _ = await transport.connect(listening.tickets[0], timeout=2.0)
            transport = make_transport(TransportContext(identity=parties().bob))
            friend = await transport.connect(listening.tickets[0], timeout=PATIENCE_SECONDS)
            assert await friend.receive() == b"hello"
            await friend.close()
        assert accepted == [peer_for(parties().bob)]

    @pytest.mark.asyncio
    async def test_a_joiner_meets_the_inviter_and_not_the_node(self, make_transport: MakeTransport) -> None:
        async with self.linked(make_transport, parties().joiner) as (near, far):
            assert near.peer == peer_for(parties().inviter)
            assert far.peer == peer_for(parties().joiner)
            await near.send(b"may I?")
            assert await far.receive() == b"may I?"

    # reaching --------------------------------------------------------------------------------------------

    @pytest.mark.asyncio
    async def test_tickets_name_the_transport(self, make_transport: MakeTransport) -> None:
        async def accept(_: Link) -> None:
            return

        async with self.serving(make_transport, accept) as listening:
            name = make_transport(TransportContext(identity=parties().bob)).name
            assert listening.tickets
            assert all(ticket.startswith(f"{name}://") for ticket in listening.tickets)

    @pytest.mark.asyncio
    async def test_connecting_to_nobody_fails_in_time(self, make_transport: MakeTransport) -> None:
        async def accept(_: Link) -> None:
            return

        async with self.serving(make_transport, accept) as listening:
            ticket = listening.tickets[0]
        transport = make_transport(TransportContext(identity=parties().bob))
        async with asyncio.timeout(5):
            with pytest.raises(ConnectError):
                _ = await transport.connect(ticket, timeout=1.0)

    @pytest.mark.asyncio
    async def test_a_ticket_that_makes_no_sense_is_a_connect_error(self, make_transport: MakeTransport) -> None:
        transport = make_transport(TransportContext(identity=parties().bob))
        for ticket in ("", "nonsense://", f"{transport.name}://", f"{transport.name}://\0", f"{transport.name}://.."):
            with pytest.raises(ConnectError):
                _ = await transport.connect(Ticket(ticket), timeout=1.0)

    @pytest.mark.asyncio
    async def test_many_connect_at_once(self, make_transport: MakeTransport) -> None:
        async def accept(link: Link) -> None:
            await link.send(await link.receive())
            _ = await link.receive()

        transport = make_transport(TransportContext(identity=parties().bob))

        async def visit(listening: Listening, word: bytes) -> bytes:
            link = await transport.connect(listening.tickets[0], timeout=PATIENCE_SECONDS)
            await link.send(word)
            answer = bytes(await link.receive())
            await link.close()
            return answer

        words = [str(number).encode() for number in range(20)]
        async with self.serving(make_transport, accept) as listening:
            assert await asyncio.gather(*(visit(listening, word) for word in words)) == words
