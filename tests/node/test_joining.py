"""A join code leads to its cluster although some of its addresses are dead, and holds one of every transport."""

from __future__ import annotations

import socket
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

from exo_core.errors import JoinError
from exo_core.identity.carried_texts import CarriedOffer, answer_text
from exo_core.identity.invitations import Invitations
from exo_core.identity.join_code import MAXIMUM_TICKETS, JoinCode, parse_join_code
from exo_core.identity.leaf import node_identity
from exo_core.identity.node_key import NodeKey
from exo_core.identity.secret import ClusterSecret
from exo_core.node.door import Door
from exo_core.node.home import Home
from exo_core.node.joining import Joined, Newcomer, join_cluster
from exo_core.node.options import NodeOptions
from exo_core.plugins.manager import Plugins
from exo_core.transports import Link, Ticket, TransportContext
from exo_transport_tcp.transport import TcpTransport

SECRET = ClusterSecret.generate()


@dataclass
class At:
    """A `Listening` at these addresses."""

    tickets: Sequence[Ticket]


def invitations() -> Invitations:
    return Invitations(SECRET, NodeKey.generate())


async def joined(folder: Path, code: JoinCode | CarriedOffer) -> Joined:
    home = Home(folder)
    home.prepare()
    options = NodeOptions(home=folder, name="newcomer")
    newcomer = Newcomer(
        home=home, node_key=NodeKey.generate(), options=options, plugins=Plugins(only=["tcp"]), carry=lambda _: None
    )
    return await join_cluster(str(code), newcomer)


async def test_an_offer_by_hand_that_cannot_be_answered_here_says_what_to_do(tmp_path: Path) -> None:
    code = invitations().invite(())
    for transport, advice in (("webrtc", "add --transport webrtc"), ("tcp", "makes no links by hand")):
        with pytest.raises(JoinError, match=advice):
            _ = await joined(tmp_path, CarriedOffer(code=code, transport=transport, message=b""))
    assert not Home(tmp_path).current_file.exists()


async def test_a_door_without_such_a_transport_makes_no_offer_and_answers_none() -> None:
    door = Door(transports=[], invitations=invitations())
    with pytest.raises(JoinError, match=r"makes links by hand\. Start it with"):
        _ = await door.by_hand.invite(1)
    with pytest.raises(JoinError, match="no offer waits"):
        _ = await door.by_hand.answer(answer_text(b"hello"))


async def test_an_address_that_swallows_everything_costs_a_moment(tmp_path: Path) -> None:
    inviting = invitations()

    async def accept(link: Link) -> None:
        await inviting.admit(link, ())

    context = TransportContext(
        identity=node_identity(SECRET.authority, NodeKey.generate()),
        listen="127.0.0.1:0",
        identity_named=inviting.identity_named,
    )
    with socket.create_server(("127.0.0.1", 0)) as silent:
        dead = Ticket(f"tcp://127.0.0.1:{silent.getsockname()[1]}")
        async with TcpTransport(context).serve(accept) as listening:
            code = inviting.invite([dead, Ticket("pigeon://coop"), *listening.tickets])
            began = time.monotonic()
            assert (await joined(tmp_path, code)).cluster.cluster_id == SECRET.cluster_id
            assert time.monotonic() - began < 5


async def test_nobody_anywhere_is_said_with_each_reason(tmp_path: Path) -> None:
    code = invitations().invite([Ticket("tcp://127.0.0.1:1"), Ticket("pigeon://coop")])
    with pytest.raises(JoinError, match=r"127\.0\.0\.1:1.*no transport for it was chosen"):
        await joined(tmp_path, code)


def test_a_code_holds_the_best_address_of_every_transport() -> None:
    many = [Ticket(f"tcp://10.0.0.{number}:1") for number in range(2 * MAXIMUM_TICKETS)]
    door = Door(transports=[], invitations=invitations(), _listening=[At(many), At([Ticket("pigeon://coop")])])
    assert parse_join_code(door.invite(60)).tickets == (*many[: MAXIMUM_TICKETS - 1], "pigeon://coop")
