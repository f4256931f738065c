"""The next stage's addresses are raced: one that swallows everything costs a moment, and no link is left over."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import threading
import time
from collections.abc import Iterator

import pytest

from exo_core.errors import LinkClosed
from exo_core.runner.dialler import CONNECT_TIMEOUT_S, TransportDialler
from exo_core.testing.parties import parties, peer_for
from exo_core.transports import BlockingLink, BlockingListener, Identity, TransportContext
from exo_transport_tcp.transport import TcpTransport

BOB = peer_for(parties().bob)


def tcp(identity: Identity) -> TcpTransport:
    return TcpTransport(TransportContext(identity=identity, listen="127.0.0.1:0"))


@pytest.fixture
def listener() -> Iterator[BlockingListener]:
    listening = tcp(parties().bob).listen_blocking()
    yield listening
    listening.close()


@pytest.fixture
def swallowing() -> Iterator[str]:
    """An address that takes connections and never says a word."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield f"tcp://127.0.0.1:{server.getsockname()[1]}"


async def dialled(*tickets: str) -> BlockingLink | None:
    dialler = TransportDialler({"tcp": tcp(parties().alice)}, asyncio.get_running_loop())
    return await asyncio.to_thread(dialler.dial, tickets, BOB)


async def test_an_address_that_swallows_everything_costs_a_moment(listener: BlockingListener, swallowing: str) -> None:
    begun = time.monotonic()
    link = await dialled(swallowing, swallowing, *listener.tickets)
    assert time.monotonic() - begun < CONNECT_TIMEOUT_S
    assert link is not None
    assert link.peer == BOB
    link.close()


async def test_nobody_at_any_address_is_none(swallowing: str) -> None:
    begun = time.monotonic()
    assert await dialled("tcp://127.0.0.1:1", swallowing, "other://127.0.0.1:1") is None
    assert time.monotonic() - begun < 2 * CONNECT_TIMEOUT_S


async def test_a_link_that_comes_up_too_late_is_closed(listener: BlockingListener) -> None:
    with socket.create_server(("127.0.0.1", 0)) as slow:
        link = await dialled(f"tcp://127.0.0.1:{slow.getsockname()[1]}", *listener.tickets)
        assert link is not None
        assert await asyncio.to_thread(listener.accept, 5)
        carry(slow.accept()[0], listener)
    late = await asyncio.to_thread(listener.accept, 5)
    assert late is not None
    with pytest.raises(LinkClosed):
        await asyncio.to_thread(late.receive, 5)
    link.close()


def carry(waiting: socket.socket, listener: BlockingListener) -> None:
    """Let a connection that got no answer so far reach the listener after all."""
    host, port = listener.tickets[0].removeprefix("tcp://").rsplit(":", 1)
    onward = socket.create_connection((host, int(port)))
    for source, sink in ((waiting, onward), (onward, waiting)):
        threading.Thread(target=pump, args=(source, sink), daemon=True).start()


def pump(source: socket.socket, sink: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while data := source.recv(65536):
            sink.sendall(data)
        sink.shutdown(socket.SHUT_WR)
