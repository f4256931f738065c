"""How a link behaves that a transport made: its messages, cancelling, its end. See `transport_conformance`."""

from __future__ import annotations

import asyncio
from array import array
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from typing import ClassVar

import pytest

from exo_core.errors import LinkClosed
from exo_core.testing.blocking_link_conformance import BlockingLinkConformance
from exo_core.testing.parties import parties
from exo_core.transports import (
    MAXIMUM_MESSAGE_BYTES,
    Accept,
    Identity,
    Link,
    Listening,
    Peer,
    Transport,
    TransportContext,
)

MakeTransport = Callable[[TransportContext], Transport]
MEBIBYTE = 1024 * 1024
PATIENCE_SECONDS = 100.0
"""After which a test has failed, whatever else the machine does."""

STALLED_SECONDS = 0.5
"""A sender that has not come to its end by then is taken to be waiting."""


class LinkConformance(BlockingLinkConformance):
    """Tests of the contract of `Link` in `exo_core.transports`, and of (`blocking`) its blocking kin."""

    thin: ClassVar[bool] = False

    @asynccontextmanager
    async def serving(
        self, make_transport: MakeTransport, accept: Accept, identity: Identity | None = None
    ) -> AsyncGenerator[Listening]:
        """Listen as alice, who also knows one join code."""
        known = {parties().inviter.authority_name: parties().inviter}
        context = TransportContext(identity=identity or parties().alice, listen=self.listen, identity_named=known.get)
        async with asyncio.timeout(PATIENCE_SECONDS), make_transport(context).serve(accept) as listening:
            yield listening

    @asynccontextmanager
    async def linked(
        self, make_transport: MakeTransport, client: Identity | None = None, *, expect: Peer | None = None
    ) -> AsyncGenerator[tuple[Link, Link]]:
        """Both ends of a new link: bob's (or `client`'s), who connected, and alice's."""
        links: asyncio.Queue[Link] = asyncio.Queue()
        over = asyncio.Event()

        async def accept(link: Link) -> None:
            links.put_nowait(link)
            _ = await over.wait()

        async with self.serving(make_transport, accept) as listening:
            transport = make_transport(TransportContext(identity=client or parties().bob))
            near = await transport.connect(listening.tickets[0], expect=expect, timeout=PATIENCE_SECONDS)
            try:
                yield near, await links.get()
            finally:
                over.set()
                await near.close()

    # messages --------------------------------------------------------------------------------------------

    @pytest.mark.asyncio
    async def test_messages_of_every_size_arrive_whole_and_in_order(self, make_transport: MakeTransport) -> None:
        sizes = [0, 1, 65536, MAXIMUM_MESSAGE_BYTES, 0, 3, 65535, 65537, 1]
        pattern = bytes(range(256)) * (MAXIMUM_MESSAGE_BYTES // 256)
        async with self.linked(make_transport) as ends:
            for sender, receiver in (ends, ends[::-1]):
                if self.thin and sender is ends[1]:
                    sizes.remove(MAXIMUM_MESSAGE_BYTES)
                sending = asyncio.create_task(self.send_all(sender, [pattern[:size] for size in sizes]))
                for size in sizes:
                    message = await receiver.receive()
                    assert len(message) == size
                    assert message == pattern[:size]
                await sending

    @pytest.mark.asyncio
    async def test_the_parts_of_a_message_arrive_as_one(self, make_transport: MakeTransport) -> None:
        numbers = array("d", range(40_000))
        parts = (b"head", bytearray(b""), memoryview(numbers), b"x" * 20_000, memoryview(b"abcdef")[2:4], b"tail")
        async with self.linked(make_transport) as (near, far):
            await near.send(*parts)
            await near.send()
            assert await far.receive() == b"".join(parts)
            assert await far.receive() == b""

    @pytest.mark.asyncio
    async def test_parts_may_be_reused_once_sent(self, make_transport: MakeTransport) -> None:
        async with self.linked(make_transport) as (near, far):
            part = bytearray(b"a" * MEBIBYTE)
            receiving = asyncio.create_task(far.receive())
            await near.send(part)
            part[:] = b"b" * MEBIBYTE
            assert await receiving == b"a" * MEBIBYTE

    @pytest.mark.asyncio
    async def test_a_received_message_is_the_callers_for_good(self, make_transport: MakeTransport) -> None:
        async with self.linked(make_transport) as (near, far):
            sending = asyncio.create_task(self.send_all(near, [bytes([number]) * 100_000 for number in range(20)]))
            kept = [await far.receive() for _ in range(20)]
            await sending
            assert all(message == bytes([number]) * 100_000 for number, message in enumerate(kept))

    @pytest.mark.asyncio
    async def test_a_message_that_is_too_large_is_refused_and_the_link_lives_on(
        self, make_transport: MakeTransport
    ) -> None:
        async with self.linked(make_transport) as (near, far):
            with pytest.raises(ValueError, match=str(MAXIMUM_MESSAGE_BYTES)):
                await near.send(bytes(MAXIMUM_MESSAGE_BYTES), b"!")
            await near.send(b"still here")
            assert await far.receive() == b"still here"

    @pytest.mark.asyncio
    async def test_both_ends_send_much_at_once(self, make_transport: MakeTransport) -> None:
        messages = [bytes([number]) * ((1 if self.thin else 8) * MEBIBYTE // 2) for number in range(6)]
        async with self.linked(make_transport) as (near, far), asyncio.TaskGroup() as tasks:
            for sender, receiver in ((near, far), (far, near)):
                _ = tasks.create_task(self.send_all(sender, messages))
                _ = tasks.create_task(self.expect_all(receiver, messages))

    @pytest.mark.asyncio
    async def test_a_sender_waits_while_nobody_receives(self, make_transport: MakeTransport) -> None:
        messages = [bytes([number]) * MEBIBYTE for number in range(8 if self.thin else 128)]
        async with self.linked(make_transport) as (near, far):
            sending = asyncio.create_task(self.send_all(near, messages))
            _ = await asyncio.wait([sending], timeout=STALLED_SECONDS)
            assert not sending.done()
            await self.expect_all(far, messages)
            await sending

    # cancelling ------------------------------------------------------------------------------------------

    @pytest.mark.asyncio
    async def test_cancelling_receive_loses_nothing(self, make_transport: MakeTransport) -> None:
        expected = [number.to_bytes(4, "big") * 1000 for number in range(300)]
        received: list[bytes] = []
        async with self.linked(make_transport) as (near, far):
            sending = asyncio.create_task(self.send_all(near, expected))
            while len(received) < len(expected):
                receiving = asyncio.ensure_future(far.receive())
                _ = await asyncio.wait([receiving], timeout=0)
                if not receiving.done():
                    _ = receiving.cancel()
                    _ = await asyncio.wait([receiving])
                if not receiving.cancelled():
                    received.append(bytes(receiving.result()))
            await sending
        assert received == expected

    @pytest.mark.asyncio
    async def test_cancelling_send_leaves_the_link_whole(self, make_transport: MakeTransport) -> None:
        async with self.linked(make_transport) as (near, far):
            sending = asyncio.create_task(self.send_all(near, [b"x" * (8 * MEBIBYTE)] * 16))
            _ = await asyncio.wait([sending], timeout=STALLED_SECONDS)
            assert sending.cancel(), "nothing held the sender back"
            _ = await asyncio.wait([sending])
            receiving = asyncio.create_task(self.until(far, b"after"))
            try:
                await near.send(b"after")
            except LinkClosed:  # allowed: a link that cannot finish the message must die
                with pytest.raises(LinkClosed):
                    await receiving
                return
            assert set(await receiving) <= {8 * MEBIBYTE}

    # the end ---------------------------------------------------------------------------------------------

    @pytest.mark.asyncio
    async def test_a_link_dies_once_and_for_all(self, make_transport: MakeTransport) -> None:
        async with self.linked(make_transport) as (near, far):
            await far.close()
            for end in (far, near):
                for _ in range(3):
                    with pytest.raises(LinkClosed):
                        _ = await end.receive()
                    with pytest.raises(LinkClosed):
                        await end.send(b"anybody?")
                await end.close()
                await end.close()

    @pytest.mark.asyncio
    async def test_what_was_sent_before_close_still_arrives(self, make_transport: MakeTransport) -> None:
        messages = [bytes([number]) * 10_000 for number in range(100)]
        async with self.linked(make_transport) as (near, far):
            await far.send(b"this is never received")
            receiving = asyncio.create_task(self.expect_all(far, messages))
            await self.send_all(near, messages)
            await near.close()
            await receiving
            with pytest.raises(LinkClosed):
                _ = await far.receive()

    @pytest.mark.asyncio
    async def test_close_wakes_whoever_waits(self, make_transport: MakeTransport) -> None:
        async with self.linked(make_transport) as (near, far):
            receiving = [asyncio.ensure_future(end.receive()) for end in (near, far)]
            flooding = asyncio.create_task(self.send_all(near, [bytes(8 * MEBIBYTE)] * 16))
            _ = await asyncio.wait([flooding], timeout=STALLED_SECONDS)
            assert len(await receiving[1]) == 8 * MEBIBYTE
            await near.close()
            for waiting in (receiving[0], flooding):
                with pytest.raises(LinkClosed):
                    _ = await waiting

    # what the tests share ---------------------------------------------------------------------------------------------

    @staticmethod
    async def send_all(link: Link, messages: list[bytes]) -> None:
        """Send these, one after the other."""
        for message in messages:
            await link.send(message)

    @staticmethod
    async def expect_all(link: Link, messages: list[bytes]) -> None:
        """Receive exactly these."""
        for message in messages:
            assert await link.receive() == message

    @staticmethod
    async def until(link: Link, last: bytes) -> list[int]:
        """The sizes of the messages that come before that one."""
        sizes: list[int] = []
        while (message := await link.receive()) != last:
            sizes.append(len(message))
        return sizes
