"""What links for threads must do; part of `TransportConformance`."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Generator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from typing import ClassVar

import pytest

from exo_core.errors import AuthenticationError, ConnectError, LinkClosed
from exo_core.testing.parties import parties, peer_for
from exo_core.transports import (
    MAXIMUM_MESSAGE_BYTES,
    BlockingLink,
    BlockingListener,
    Identity,
    Peer,
    Transport,
    TransportContext,
)

MakeTransport = Callable[[TransportContext], Transport]
MEBIBYTE = 1024 * 1024
PATIENCE_SECONDS = 60.0
STALLED_SECONDS = 0.5


class BlockingLinkConformance:
    """Tests of `BlockingLink` and `BlockingListener`; skipped where `blocking` is False."""

    blocking: ClassVar[bool] = True
    listen: ClassVar[str | None] = "127.0.0.1:0"

    @pytest.fixture
    def make_transport(self) -> MakeTransport:
        """Override: what builds a transport from a `TransportContext`."""
        raise NotImplementedError

    @contextmanager
    def listening(self, make_transport: MakeTransport) -> Generator[BlockingListener]:
        """Listen as alice."""
        if not self.blocking:
            pytest.skip("this transport has no links for threads")
        listener = make_transport(TransportContext(identity=parties().alice, listen=self.listen)).listen_blocking()
        assert listener is not None
        try:
            yield listener
        finally:
            listener.close()

    @contextmanager
    def blocking_linked(
        self, make_transport: MakeTransport, client: Identity | None = None
    ) -> Generator[tuple[BlockingLink, BlockingLink]]:
        """Both ends of a new link: bob's (or `client`'s), who connected, and alice's."""
        with self.listening(make_transport) as listener:
            transport = make_transport(TransportContext(identity=client or parties().bob))
            near = transport.connect_blocking(listener.tickets[0], timeout=PATIENCE_SECONDS)
            far = listener.accept(PATIENCE_SECONDS)
            assert far is not None
            try:
                yield near, far
            finally:
                near.close()
                far.close()

    def test_blocking_messages_of_every_size_arrive_whole_and_in_order(self, make_transport: MakeTransport) -> None:
        sizes = [0, 1, 65536, MAXIMUM_MESSAGE_BYTES, 0, 3, 65535, 65537, MEBIBYTE, 1]
        pattern = bytes(range(256)) * (MAXIMUM_MESSAGE_BYTES // 256)
        with self.blocking_linked(make_transport) as ends, ThreadPoolExecutor(1) as threads:
            for sender, receiver in (ends, ends[::-1]):
                sending = threads.submit(self.send_each, sender, [pattern[:size] for size in sizes])
                for size in sizes:
                    message = receiver.receive()
                    assert message is not None
                    assert len(message) == size
                    assert message == pattern[:size]
                sending.result(PATIENCE_SECONDS)

    def test_blocking_parts_arrive_as_one_and_too_much_is_refused(self, make_transport: MakeTransport) -> None:
        parts = (b"head", bytearray(100_000), memoryview(b"abcdef")[2:4], b"", b"tail")
        with self.blocking_linked(make_transport) as (near, far):
            with pytest.raises(ValueError, match=str(MAXIMUM_MESSAGE_BYTES)):
                near.send(bytes(MAXIMUM_MESSAGE_BYTES), b"!")
            near.send(*parts)
            assert far.receive() == b"".join(parts)

    def test_blocking_one_thread_sends_while_another_receives_at_both_ends(self, make_transport: MakeTransport) -> None:
        sizes = [7, 20_000, 3 * MEBIBYTE, 1, 300_000] * 12
        messages = [bytes([number]) * size for number, size in enumerate(sizes)]
        with self.blocking_linked(make_transport) as (near, far), ThreadPoolExecutor(4) as threads:
            work: list[Future[None]] = []
            for sender, receiver in ((near, far), (far, near)):
                work.append(threads.submit(self.send_each, sender, messages))
                work.append(threads.submit(self.expect_each, receiver, messages))
            for each in work:
                each.result(PATIENCE_SECONDS)

    def test_blocking_a_sender_waits_while_nobody_receives(self, make_transport: MakeTransport) -> None:
        messages = [bytes([number]) * MEBIBYTE for number in range(128)]
        with self.blocking_linked(make_transport) as (near, far), ThreadPoolExecutor(1) as threads:
            sending = threads.submit(self.send_each, near, messages)
            with pytest.raises(TimeoutError):
                sending.result(STALLED_SECONDS)
            self.expect_each(far, messages)
            sending.result(PATIENCE_SECONDS)

    def test_blocking_receive_gives_none_when_nothing_has_begun_in_time(self, make_transport: MakeTransport) -> None:
        with self.blocking_linked(make_transport) as (near, far):
            begun = time.monotonic()
            assert far.receive(timeout=0) is None
            assert far.receive(timeout=0.05) is None
            assert 0.05 <= time.monotonic() - begun < PATIENCE_SECONDS
            near.send(b"one")
            near.send(b"two")
            assert far.receive(timeout=PATIENCE_SECONDS) == b"one"
            assert far.receive(timeout=PATIENCE_SECONDS) == b"two"
            assert far.receive(timeout=0) is None

    def test_blocking_a_link_dies_once_and_for_all(self, make_transport: MakeTransport) -> None:
        with self.blocking_linked(make_transport) as (near, far):
            far.close()
            for end in (far, near):
                for _ in range(3):
                    with pytest.raises(LinkClosed):
                        _ = end.receive(timeout=PATIENCE_SECONDS)
                    with pytest.raises(LinkClosed):
                        end.send(b"anybody?")
                end.close()
                end.close()

    def test_blocking_close_wakes_the_threads_that_wait(self, make_transport: MakeTransport) -> None:
        for closer in (0, 1):
            with self.blocking_linked(make_transport) as ends, ThreadPoolExecutor(2) as threads:
                receiving = threads.submit(ends[0].receive)
                sending = threads.submit(self.send_each, ends[0], [bytes(MAXIMUM_MESSAGE_BYTES)] * 2)
                with pytest.raises(TimeoutError):
                    sending.result(STALLED_SECONDS)
                ends[closer].close()
                for waiting in (receiving, sending):
                    with pytest.raises(LinkClosed):
                        _ = waiting.result(PATIENCE_SECONDS)

    def test_blocking_each_end_knows_the_other(self, make_transport: MakeTransport) -> None:
        with self.blocking_linked(make_transport, parties().runner) as (near, far):
            assert near.peer == peer_for(parties().alice)
            assert far.peer == peer_for(parties().runner)
            assert near.address

    def test_blocking_the_wrong_party_is_refused(self, make_transport: MakeTransport) -> None:
        with self.listening(make_transport) as listener:
            ticket = listener.tickets[0]
            stranger = make_transport(TransportContext(identity=parties().stranger))
            with pytest.raises(ConnectError):
                _ = stranger.connect_blocking(ticket)
            bob = make_transport(TransportContext(identity=parties().bob))
            with pytest.raises(AuthenticationError):
                _ = bob.connect_blocking(ticket, expect=Peer(node_id=parties().bob.node_id, role="node"))
            friend = bob.connect_blocking(ticket, expect=peer_for(parties().alice))
            accepted = listener.accept(PATIENCE_SECONDS)
            assert accepted is not None
            friend.send(b"it is me")
            while (message := accepted.receive()) is None:
                pass
            assert message == b"it is me"
            friend.close()
            accepted.close()
            assert listener.accept(timeout=0) is None

    def test_blocking_closing_the_listener_wakes_accept_and_leaves_links_alone(
        self, make_transport: MakeTransport
    ) -> None:
        with self.blocking_linked(make_transport) as (near, far), self.listening(make_transport) as listener:
            ticket = listener.tickets[0]
            assert listener.accept(timeout=0.01) is None
            with ThreadPoolExecutor(2) as threads:
                waiting = [threads.submit(listener.accept) for _ in range(2)]
                listener.close()
                for each in waiting:
                    with pytest.raises(LinkClosed):
                        _ = each.result(PATIENCE_SECONDS)
            listener.close()
            with pytest.raises(LinkClosed):
                _ = listener.accept()
            with pytest.raises(ConnectError):
                _ = make_transport(TransportContext(identity=parties().bob)).connect_blocking(ticket, timeout=1.0)
            near.send(b"we live on")
            assert far.receive() == b"we live on"

    def test_blocking_links_leave_no_thread_behind(self, make_transport: MakeTransport) -> None:
        before = threading.active_count()
        with self.blocking_linked(make_transport) as (near, far):
            near.send(b"x")
            assert far.receive() == b"x"
        assert threading.active_count() == before

    @staticmethod
    def send_each(link: BlockingLink, messages: list[bytes]) -> None:
        """Send these, one after the other."""
        for message in messages:
            link.send(message)

    @staticmethod
    def expect_each(link: BlockingLink, messages: list[bytes]) -> None:
        """Receive exactly these."""
        for message in messages:
            assert link.receive() == message
