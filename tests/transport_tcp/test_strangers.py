"""Whoever connects without being able to prove anything does no harm, whatever they send or do not send."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import ssl
from collections.abc import AsyncGenerator, Callable, Generator
from contextlib import asynccontextmanager, contextmanager

import pytest

import exo_transport_tcp.blocking_listener
import exo_transport_tcp.serving
from exo_core.errors import ConnectError
from exo_core.testing.parties import parties
from exo_core.transports import Link, Ticket, TransportContext
from exo_transport_tcp.endpoints import parse_endpoint
from exo_transport_tcp.session import PENDING_HANDSHAKES
from exo_transport_tcp.transport import TcpTransport

Visit = Callable[[socket.socket], None]


def transport() -> TcpTransport:
    return TcpTransport(TransportContext(identity=parties().alice, listen="127.0.0.1:0"))


def friend() -> TcpTransport:
    return TcpTransport(TransportContext(identity=parties().bob))


@asynccontextmanager
async def node() -> AsyncGenerator[tuple[Ticket, list[Link]]]:
    accepted: list[Link] = []

    async def accept(link: Link) -> None:
        accepted.append(link)
        await link.send(b"hello")

    async with transport().serve(accept) as listening:
        yield listening.tickets[0], accepted


@contextmanager
def runner() -> Generator[Ticket]:
    listener = transport().listen_blocking()
    try:
        yield listener.tickets[0]
        assert listener.accept(timeout=0) is None
    finally:
        listener.close()


def call_on(ticket: Ticket) -> socket.socket:
    endpoint = parse_endpoint(ticket)
    return socket.create_connection((endpoint.host, endpoint.port), timeout=20)


def read_to_the_end(connection: socket.socket) -> bytes:
    """What the listener had to say before it hung up; it does hang up, or this times out."""
    said = b""
    with contextlib.suppress(ConnectionError):
        while received := connection.recv(65536):
            said += received
    return said


def speak_http(connection: socket.socket) -> None:
    connection.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")


def send_garbage(connection: socket.socket) -> None:
    with contextlib.suppress(ConnectionError):
        connection.sendall(b"\xff" * 100_000)


def begin_an_endless_hello(connection: socket.socket) -> None:
    """A client hello that announces 128 KiB, as TLS allows: more than a stranger may send here."""
    hello = b"\x01\x01\xff\x00" + b"\0" * 16_380
    with contextlib.suppress(ConnectionError):
        for _ in range(8):
            connection.sendall(b"\x16\x03\x01\x40\x00" + hello)
            hello = b"\0" * 16_384


def leave_at_once(connection: socket.socket) -> None:
    connection.shutdown(socket.SHUT_WR)


VISITS = [speak_http, send_garbage, begin_an_endless_hello, leave_at_once]


@pytest.mark.parametrize("visit", VISITS)
async def test_a_node_hangs_up_on_strangers_and_goes_on(visit: Visit) -> None:
    async with node() as (ticket, accepted):
        with await asyncio.to_thread(call_on, ticket) as stranger:
            await asyncio.to_thread(visit, stranger)
            _ = await asyncio.to_thread(read_to_the_end, stranger)
        assert not accepted
        link = await friend().connect(ticket)
        assert await link.receive() == b"hello"
        await link.close()


@pytest.mark.parametrize("visit", VISITS)
def test_a_runner_hangs_up_on_strangers_and_goes_on(visit: Visit) -> None:
    with runner() as ticket:
        with call_on(ticket) as stranger:
            visit(stranger)
            _ = read_to_the_end(stranger)
        with pytest.raises(ConnectError):
            _ = TcpTransport(TransportContext(identity=parties().stranger)).connect_blocking(ticket)


def tls_client(version: ssl.TLSVersion) -> ssl.SSLContext:
    """Somebody who trusts anybody and has no certificate."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    context.maximum_version = version
    return context


def talk_tls(ticket: Ticket, version: ssl.TLSVersion, name: str | None) -> str:
    """What became of a visit without a certificate: the bytes that came back, or the alert."""
    try:
        with tls_client(version).wrap_socket(call_on(ticket), server_hostname=name) as stranger:
            stranger.sendall(b"\0\0\0\x11exo-tcp/1 welcome" * 2)
            return str(read_to_the_end(stranger))
    except ssl.SSLError as problem:
        return problem.reason or ""


@pytest.mark.parametrize(
    ("version", "name", "becomes"),
    [
        (ssl.TLSVersion.TLSv1_3, parties().alice.authority_name, "CERTIFICATE_REQUIRED"),
        (ssl.TLSVersion.TLSv1_2, parties().alice.authority_name, "PROTOCOL_VERSION"),
        (ssl.TLSVersion.TLSv1_3, "somebody.else", "UNRECOGNIZED_NAME"),
        (ssl.TLSVersion.TLSv1_3, None, "UNRECOGNIZED_NAME"),
    ],
    ids=["no certificate", "TLS 1.2", "a name of nobody here", "no name"],  # the cluster's name is drawn
)
async def test_tls_alone_is_not_enough(version: ssl.TLSVersion, name: str | None, becomes: str) -> None:
    async with node() as (ticket, accepted):
        assert becomes in await asyncio.to_thread(talk_tls, ticket, version, name)
        assert not accepted
    with runner() as ticket:
        assert becomes in talk_tls(ticket, version, name)


async def test_who_is_slow_has_to_go(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(exo_transport_tcp.serving, "HANDSHAKE_SECONDS", 0.2)
    monkeypatch.setattr(exo_transport_tcp.blocking_listener, "HANDSHAKE_SECONDS", 0.2)
    async with node() as (ticket, accepted):
        with await asyncio.to_thread(call_on, ticket) as stranger:
            assert await asyncio.to_thread(read_to_the_end, stranger) == b""
        assert not accepted
    with runner() as ticket, call_on(ticket) as stranger:
        assert read_to_the_end(stranger) == b""


async def test_a_crowd_that_says_nothing_keeps_no_friend_out() -> None:
    async with node() as (ticket, _):
        with contextlib.ExitStack() as crowd:
            for _ in range(PENDING_HANDSHAKES + 20):
                _ = crowd.enter_context(await asyncio.to_thread(call_on, ticket))
            link = await friend().connect(ticket)
            assert await link.receive() == b"hello"
            await link.close()


async def test_a_crowd_that_comes_at_once_is_sent_away_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    """So many are accepted in one step of the event loop that some have to go before their connection is set up."""
    monkeypatch.setattr(exo_transport_tcp.serving, "HANDSHAKE_SECONDS", 0.2)
    async with node() as (ticket, accepted):
        with contextlib.ExitStack() as crowd:
            strangers = [crowd.enter_context(call_on(ticket)) for _ in range(PENDING_HANDSHAKES + 20)]
            for stranger in strangers:
                assert await asyncio.to_thread(read_to_the_end, stranger) == b""
        assert not accepted


def test_a_crowd_that_says_nothing_keeps_no_friend_of_a_runner_out() -> None:
    listener = transport().listen_blocking()
    with contextlib.ExitStack() as crowd:
        for _ in range(PENDING_HANDSHAKES + 20):
            _ = crowd.enter_context(call_on(listener.tickets[0]))
        link = friend().connect_blocking(listener.tickets[0])
        accepted = listener.accept(20)
        assert accepted is not None
        link.close()
        accepted.close()
    listener.close()


async def test_a_listener_that_speaks_something_else_is_a_connect_error() -> None:
    async def answer(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"220 mail.example.org ready\r\n")
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    async with server:
        port = server.sockets[0].getsockname()[1]
        ticket = Ticket(f"tcp://127.0.0.1:{port}")
        with pytest.raises(ConnectError, match=f"127.0.0.1:{port}"):
            _ = await friend().connect(ticket)
        with pytest.raises(ConnectError, match=f"127.0.0.1:{port}"):
            _ = await asyncio.to_thread(friend().connect_blocking, ticket)


async def test_a_listener_that_says_nothing_is_given_up_in_time() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        ticket = Ticket(f"tcp://127.0.0.1:{silent.getsockname()[1]}")
        with pytest.raises(ConnectError, match=r"within 0\.2 s"):
            _ = await friend().connect(ticket, timeout=0.2)
        with pytest.raises(ConnectError, match=r"within 0\.2 s"):
            _ = await asyncio.to_thread(friend().connect_blocking, ticket, timeout=0.2)
