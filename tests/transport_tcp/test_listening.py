"""Where the transport listens, and what it says when it cannot."""

from __future__ import annotations

import socket
from collections.abc import Iterator

import pytest

from exo_core.errors import ConnectError
from exo_core.testing.parties import parties
from exo_core.transports import Identity, Link, TransportContext
from exo_transport_tcp.transport import TcpTransport


async def ignore(_: Link) -> None:
    return


def transport_at(listen: str | None, identity: Identity | None = None) -> TcpTransport:
    return TcpTransport(TransportContext(identity=identity or parties().alice, listen=listen))


@pytest.fixture
def taken_port() -> Iterator[int]:
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


async def test_a_port_in_use_is_named_with_the_option_to_change_it(taken_port: int) -> None:
    with pytest.raises(ConnectError, match=rf"port {taken_port} is in use.*--listen"):
        async with transport_at(f"127.0.0.1:{taken_port}").serve(ignore):
            pass


async def test_a_port_in_use_on_one_address_is_in_use_for_all(taken_port: int) -> None:
    with pytest.raises(ConnectError, match=rf"port {taken_port} is in use"):
        async with transport_at(f":{taken_port}").serve(ignore):
            pass


def test_a_runner_is_told_of_the_option_for_runners(taken_port: int) -> None:
    transport = transport_at(f"127.0.0.1:{taken_port}-{taken_port}", parties().runner)
    with pytest.raises(ConnectError, match=rf"port {taken_port} is in use.*--data-ports"):
        _ = transport.listen_blocking()


def test_the_first_free_port_of_a_range_is_taken(taken_port: int) -> None:
    listener = transport_at(f"127.0.0.1:{taken_port}-{taken_port + 20}").listen_blocking()
    port = int(listener.tickets[0].rpartition(":")[2])
    listener.close()
    assert taken_port < port <= taken_port + 20


@pytest.mark.parametrize("listen", ["nonsense", "192.0.2.1:0", "no-such-host.invalid:1"])
async def test_an_address_that_is_not_ours_is_refused(listen: str) -> None:
    with pytest.raises(ConnectError, match=r"cannot listen on"):
        async with transport_at(listen).serve(ignore):
            pass


async def test_by_default_every_address_is_listened_on_at_one_port_and_loopback_comes_last() -> None:
    async with transport_at(None).serve(ignore) as listening:
        tickets = listening.tickets
    assert len({ticket.rpartition(":")[2] for ticket in tickets}) == 1
    loopback = ["127.0.0.1" in ticket or "[::1]" in ticket for ticket in tickets]
    assert any(loopback)
    assert loopback == sorted(loopback)


async def test_a_node_is_reached_by_each_of_its_tickets() -> None:
    async with transport_at(None).serve(ignore) as listening:
        for ticket in listening.tickets:
            link = await transport_at(None, parties().bob).connect(ticket)
            assert link.peer.node_id == parties().alice.node_id
            await link.close()


def test_a_closed_listener_frees_its_port() -> None:
    first = transport_at("127.0.0.1:0").listen_blocking()
    port = int(first.tickets[0].rpartition(":")[2])
    first.close()
    second = transport_at(f"127.0.0.1:{port}").listen_blocking()
    second.close()
