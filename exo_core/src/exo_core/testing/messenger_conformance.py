"""What every `Messenger` must do. Subclass, override the fixture `messengers`, and pytest runs it all.

class TestMine(MessengerConformance):
    @pytest.fixture
    async def messengers(self): ...
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Final

import pytest
from pydantic import TypeAdapter

from exo_core.errors import CallFailed, LinkClosed
from exo_core.identifiers import NodeId
from exo_core.messaging import Call, Messenger, PeerChange, Stream, Topic

WORDS: Final = Topic("conformance.words", TypeAdapter(tuple[str, int]))
DOUBLE: Final = Call("conformance.double", TypeAdapter(int), TypeAdapter(int))
UNKNOWN: Final = Call("conformance.unknown", TypeAdapter(int), TypeAdapter(int))
SOON: Final = 5.0
"""Seconds in which everything here must happen."""

Pair = tuple[Messenger, Messenger]


async def _double(sender: NodeId, number: int) -> int:
    if number < 0:
        message = "only positive numbers"
        raise ValueError(message)
    if number == 0:
        await asyncio.Event().wait()
    return 2 * number


async def _echo(stream: Stream, opening: bytes) -> None:
    await stream.send(opening)
    while True:
        await stream.send(await stream.receive())


async def _sends(stream: Stream, message: bytes) -> bool:
    """Whether there is credit for it."""
    try:
        await asyncio.wait_for(stream.send(message), timeout=0.2)
    except TimeoutError:
        return False
    return True


class MessengerConformance:
    """Two messengers that reach each other. `maximum_stream_message` may be lowered for slow networks."""

    maximum_stream_message: int = 5_000_000

    @pytest.fixture
    async def messengers(self) -> AsyncIterator[Pair]:
        """Two connected messengers, nothing registered on them yet."""
        raise NotImplementedError
        yield  # noqa: PT022 - it is a generator, as those that override it are

    @pytest.fixture(params=["peer", "itself"])
    def pair(self, request: pytest.FixtureRequest, messengers: Pair) -> Pair:
        """Who speaks and who is spoken to: another node, or the same one."""
        first, second = messengers
        return (first, second) if request.param == "peer" else (first, first)

    async def test_messages_arrive_in_order_with_their_sender(self, pair: Pair) -> None:
        speaker, listener = pair
        heard: asyncio.Queue[tuple[NodeId, tuple[str, int]]] = asyncio.Queue()
        listener.on_message(WORDS, lambda sender, message: heard.put_nowait((sender, message)))
        for number in range(50):
            assert speaker.send(listener.node_id, WORDS, ("wörd", number))
        async with asyncio.timeout(SOON):
            for number in range(50):
                assert await heard.get() == (speaker.node_id, ("wörd", number))

    async def test_a_large_message_arrives_whole(self, pair: Pair) -> None:
        speaker, listener = pair
        heard: asyncio.Queue[str] = asyncio.Queue()
        listener.on_message(WORDS, lambda _, message: heard.put_nowait(message[0]))
        text = "x" * 1_000_000
        assert speaker.send(listener.node_id, WORDS, (text, 0))
        async with asyncio.timeout(SOON):
            assert await heard.get() == text

    async def test_a_handler_that_raises_harms_nobody(self, pair: Pair) -> None:
        speaker, listener = pair
        heard: asyncio.Queue[int] = asyncio.Queue()

        def handle(_: NodeId, message: tuple[str, int]) -> None:
            if message[0] == "bad":
                raise RuntimeError(message[0])
            heard.put_nowait(message[1])

        listener.on_message(WORDS, handle)
        speaker.send(listener.node_id, WORDS, ("bad", 1))
        speaker.send(listener.node_id, WORDS, ("good", 2))
        async with asyncio.timeout(SOON):
            assert await heard.get() == 2

    async def test_a_name_has_one_handler(self, messengers: Pair) -> None:
        messengers[0].on_message(WORDS, lambda _, __: None)
        with pytest.raises(ValueError, match="handler already"):
            messengers[0].on_message(WORDS, lambda _, __: None)

    async def test_nothing_is_sent_to_strangers(self, messengers: Pair) -> None:
        stranger = NodeId("stranger")
        assert stranger not in messengers[0].reachable
        assert not messengers[0].send(stranger, WORDS, ("hello", 1))
        with pytest.raises(LinkClosed):
            await messengers[0].ask(stranger, DOUBLE, 1, timeout=SOON)
        with pytest.raises(LinkClosed):
            await messengers[0].open_stream(stranger, "echo", b"")

    async def test_questions_are_answered_side_by_side(self, pair: Pair) -> None:
        asker, answerer = pair
        answerer.on_call(DOUBLE, _double)
        numbers = range(1, 20)
        questions = (asker.ask(answerer.node_id, DOUBLE, number, timeout=SOON) for number in numbers)
        assert await asyncio.gather(*questions) == [2 * number for number in numbers]

    async def test_a_question_without_an_answer_times_out_alone(self, pair: Pair) -> None:
        asker, answerer = pair
        answerer.on_call(DOUBLE, _double)
        with pytest.raises(TimeoutError):
            await asker.ask(answerer.node_id, DOUBLE, 0, timeout=0.05)
        assert await asker.ask(answerer.node_id, DOUBLE, 4, timeout=SOON) == 8

    async def test_an_answer_that_fails_says_why(self, pair: Pair) -> None:
        asker, answerer = pair
        answerer.on_call(DOUBLE, _double)
        with pytest.raises(CallFailed, match="only positive numbers"):
            await asker.ask(answerer.node_id, DOUBLE, -1, timeout=SOON)

    async def test_an_unknown_question_fails_at_once(self, pair: Pair) -> None:
        asker, answerer = pair
        with pytest.raises(CallFailed, match="unknown"):
            await asker.ask(answerer.node_id, UNKNOWN, 1, timeout=SOON)

    async def test_a_stream_carries_messages_both_ways(self, pair: Pair) -> None:
        opener, taker = pair
        taker.on_stream("echo", _echo)
        stream = await opener.open_stream(taker.node_id, "echo", b"first")
        assert stream.peer == taker.node_id
        async with asyncio.timeout(SOON):
            assert await stream.receive() == b"first"
            for message in (b"", b"a", b"b" * 65_536, b"c" * 65_537):
                await stream.send(message)
                assert await stream.receive() == message
        await stream.close()

    async def test_a_message_larger_than_any_window(self, pair: Pair) -> None:
        opener, taker = pair
        taker.on_stream("echo", _echo)
        stream = await opener.open_stream(taker.node_id, "echo", b"", priority="bulk")
        message = bytes(range(256)) * (self.maximum_stream_message // 256)
        async with asyncio.timeout(4 * SOON):
            assert await stream.receive() == b""
            sending = asyncio.ensure_future(stream.send(message))
            assert await stream.receive() == message
            await sending
        await stream.close()

    async def test_closing_lets_what_was_sent_arrive(self, pair: Pair) -> None:
        opener, taker = pair
        received: asyncio.Queue[bytes | None] = asyncio.Queue()

        async def collect(stream: Stream, opening: bytes) -> None:
            try:
                while True:
                    received.put_nowait(await stream.receive())
            except LinkClosed:
                with pytest.raises(LinkClosed):
                    await stream.send(b"too late")
                received.put_nowait(None)

        taker.on_stream("collect", collect)
        stream = await opener.open_stream(taker.node_id, "collect", b"")
        for number in range(5):
            await stream.send(bytes([number]))
        await stream.close()
        await stream.close()
        async with asyncio.timeout(SOON):
            assert [await received.get() for _ in range(6)] == [*(bytes([number]) for number in range(5)), None]
        with pytest.raises(LinkClosed):
            await stream.send(b"closed")
        with pytest.raises(LinkClosed):
            await stream.receive()

    async def test_a_stream_ends_when_its_handler_returns(self, pair: Pair) -> None:
        opener, taker = pair

        async def answer(stream: Stream, opening: bytes) -> None:
            await stream.send(opening + b"!")

        taker.on_stream("answer", answer)
        stream = await opener.open_stream(taker.node_id, "answer", b"well")
        async with asyncio.timeout(SOON):
            assert await stream.receive() == b"well!"
            for _ in range(2):
                with pytest.raises(LinkClosed):
                    await stream.receive()

    async def test_a_stream_that_nobody_takes_ends(self, pair: Pair) -> None:
        opener, taker = pair
        stream = await opener.open_stream(taker.node_id, "nobody", b"")
        async with asyncio.timeout(SOON):
            with pytest.raises(LinkClosed, match="nobody"):
                await stream.receive()

    async def test_a_reader_that_stops_stops_its_writer_only(self, pair: Pair) -> None:
        opener, taker = pair
        taker.on_stream("echo", _echo)
        reading = asyncio.Event()
        taker_heard: asyncio.Queue[int] = asyncio.Queue()

        async def read_later(stream: Stream, opening: bytes) -> None:
            await reading.wait()
            while True:
                taker_heard.put_nowait(len(await stream.receive()))

        taker.on_stream("later", read_later)
        stuck = await opener.open_stream(taker.node_id, "later", b"")
        flowing = await opener.open_stream(taker.node_id, "echo", b"")
        sent = 0
        async with asyncio.timeout(SOON):
            while await _sends(stuck, b"x" * 65_000):
                sent += 1
            assert 0 < sent * 65_000 < 16_000_000
            assert await flowing.receive() == b""
            await flowing.send(b"still here")
            assert await flowing.receive() == b"still here"
            reading.set()
            assert [await taker_heard.get() for _ in range(sent)] == [65_000] * sent
        await stuck.close()
        await flowing.close()

    async def test_giving_up_a_receive_loses_nothing(self, pair: Pair) -> None:
        opener, taker = pair
        taker.on_stream("echo", _echo)
        stream = await opener.open_stream(taker.node_id, "echo", b"")
        async with asyncio.timeout(SOON):
            assert await stream.receive() == b""
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(stream.receive(), timeout=0.02)
            await stream.send(b"kept")
            assert await stream.receive() == b"kept"
        await stream.close()

    async def test_peer_changes_begin_with_who_is_there(self, messengers: Pair) -> None:
        first, second = messengers
        async with asyncio.timeout(SOON):
            async for change in first.peer_changes():
                assert change == PeerChange(node_id=second.node_id, reachable=True)
                break
