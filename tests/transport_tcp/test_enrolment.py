"""A join code makes a stranger a member, once, over the same port as everything else."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import pytest

from exo_core.errors import JoinError, LinkClosed
from exo_core.identifiers import NodeId
from exo_core.identity.enrolment import Enrolment, enroll, join, stay
from exo_core.identity.invitations import REMEMBERED_SECONDS, Invitations
from exo_core.identity.join_code import JoinCode, parse_join_code
from exo_core.identity.leaf import node_identity
from exo_core.identity.node_key import NodeKey
from exo_core.identity.secret import ClusterSecret
from exo_core.transports import Link, Listening, Peer, Ticket, TransportContext
from exo_transport_tcp.transport import TcpTransport

OWN_TICKETS = (Ticket("tcp://10.9.8.7:52416"),)


@dataclass
class Inviter:
    """A node that admits whoever holds one of its codes."""

    secret: ClusterSecret = field(default_factory=ClusterSecret.generate)
    key: NodeKey = field(default_factory=NodeKey.generate)
    now: float = 1000.0
    admitted: list[NodeId | None] = field(default_factory=list[NodeId | None])
    kept: list[Peer] = field(default_factory=list[Peer])

    def __post_init__(self) -> None:
        self.invitations = Invitations(
            self.secret, self.key, consistency=lambda: "majority", monotonic=lambda: self.now, wall_clock=lambda: 0
        )

    async def accept(self, link: Link) -> None:
        assert link.peer.role == "joiner"
        self.admitted.append(await self.invitations.admit(link, OWN_TICKETS, keep=self.keep))

    async def keep(self, link: Link) -> None:
        self.kept.append(link.peer)
        await link.send(await link.receive())
        await asyncio.sleep(0.05)  # for the other side to hang up

    @asynccontextmanager
    async def running(self) -> AsyncGenerator[Listening]:
        identity = node_identity(self.secret.authority, self.key)
        context = TransportContext(
            identity=identity, listen="127.0.0.1:0", identity_named=self.invitations.identity_named
        )
        async with TcpTransport(context).serve(self.accept) as listening:
            yield listening


async def joined(code: JoinCode, key: NodeKey | None = None) -> Enrolment:
    """What `exo run --join` does with the word it got."""
    machine = key or NodeKey.generate()
    code = parse_join_code(str(code))
    transport = TcpTransport(TransportContext(identity=code.joiner(machine)))
    return await join(code, machine.node_id, "new machine", transport.connect)


async def test_a_code_gives_the_secret_and_where_to_go_on() -> None:
    inviter, joiner = Inviter(), NodeKey.generate()
    async with inviter.running() as listening:
        enrolment = await joined(inviter.invitations.invite(listening.tickets), joiner)
    assert enrolment.secret == inviter.secret
    assert enrolment.inviter == inviter.key.node_id
    assert enrolment.consistency == "majority"
    assert enrolment.tickets == OWN_TICKETS
    assert inviter.admitted == [joiner.node_id]


async def test_a_code_admits_one_machine_and_the_second_is_told_who_was_first() -> None:
    inviter, first = Inviter(), NodeKey.generate()
    async with inviter.running() as listening:
        code = inviter.invitations.invite(listening.tickets)
        _ = await joined(code, first)
        with pytest.raises(JoinError, match=rf"already used, by 'new machine' \({first.node_id}\).*exo invite"):
            _ = await joined(code)
    assert inviter.admitted == [first.node_id, None]


async def test_the_same_machine_may_ask_again() -> None:
    inviter, joiner = Inviter(), NodeKey.generate()
    async with inviter.running() as listening:
        code = inviter.invitations.invite(listening.tickets)
        assert await joined(code, joiner) == await joined(code, joiner)


async def test_a_joiner_may_keep_its_link_as_one_between_members() -> None:
    inviter, joiner = Inviter(), NodeKey.generate()
    async with inviter.running() as listening:
        code = inviter.invitations.invite(listening.tickets)
        link = await TcpTransport(TransportContext(identity=code.joiner(joiner))).connect(code.tickets[0])
        assert (await enroll(link, code, joiner.node_id, "new machine")).secret == inviter.secret
        kept = await stay(link)
        await kept.send(b"hello")
        assert await kept.receive() == b"hello"
        assert kept.peer == Peer(node_id=inviter.key.node_id, role="node")
        await kept.close()
    assert inviter.kept == [Peer(node_id=joiner.node_id, role="node")]


async def test_an_expired_code_is_refused_by_name() -> None:
    inviter = Inviter()
    async with inviter.running() as listening:
        code = inviter.invitations.invite(listening.tickets, minutes=5)
        inviter.now += 5 * 60
        with pytest.raises(JoinError, match=r"has expired.*exo invite"):
            _ = await joined(code)
    assert inviter.admitted == [None]


async def test_a_forgotten_code_gets_nowhere() -> None:
    inviter = Inviter()
    async with inviter.running() as listening:
        code = inviter.invitations.invite(listening.tickets)
        inviter.now += 3600 + REMEMBERED_SECONDS + 1
        with pytest.raises(JoinError, match="nobody who knows the join code"):
            _ = await joined(code)
    assert inviter.admitted == []


async def test_codes_do_not_spend_each_other() -> None:
    inviter = Inviter()
    async with inviter.running() as listening:
        codes = [inviter.invitations.invite(listening.tickets) for _ in range(2)]
        for code in reversed(codes):
            assert (await joined(code)).secret == inviter.secret


async def test_a_node_of_another_cluster_does_not_know_the_code() -> None:
    inviter, other = Inviter(), Inviter()
    async with other.running() as listening:
        code = inviter.invitations.invite(listening.tickets)
        with pytest.raises(JoinError, match="nobody who knows the join code"):
            _ = await joined(code)


async def test_whoever_stole_a_code_cannot_lure_a_joiner_into_another_cluster() -> None:
    victim, thief = Inviter(), Inviter()
    async with thief.running() as listening:
        token = thief.invitations.invite(listening.tickets).token  # the thief answers under the code's token
        fingerprint = victim.invitations.invite(()).fingerprint
        code = JoinCode(tickets=tuple(listening.tickets), fingerprint=fingerprint, expires_at=0, token=token)
        with pytest.raises(JoinError, match="another cluster than the join code names"):
            _ = await joined(code)


async def test_the_next_address_is_tried_when_one_does_not_answer() -> None:
    inviter = Inviter()
    async with inviter.running() as listening:
        code = inviter.invitations.invite([Ticket("tcp://127.0.0.1:1"), *listening.tickets])
        assert (await joined(code)).secret == inviter.secret


async def test_nobody_at_any_address_is_said_with_each_reason() -> None:
    code = Inviter().invitations.invite([Ticket("tcp://127.0.0.1:1")])
    with pytest.raises(JoinError, match=r"127\.0\.0\.1:1.*seems to have expired.*exo invite"):
        _ = await joined(code)


async def test_a_joiner_may_say_nothing_but_its_request() -> None:
    inviter, key = Inviter(), NodeKey.generate()
    async with inviter.running() as listening:
        code = inviter.invitations.invite(listening.tickets)
        transport = TcpTransport(TransportContext(identity=code.joiner(key)))
        for nonsense in (b"", b"\xc1", b"x" * 100_000, b"\x81\xa4kind\xa5grant"):
            link = await transport.connect(listening.tickets[0])
            await link.send(nonsense)
            with pytest.raises(LinkClosed):
                _ = await link.receive()
            await link.close()
        assert inviter.admitted == []
        assert (await joined(code, key)).secret == inviter.secret
