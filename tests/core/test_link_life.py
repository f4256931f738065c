"""A link dies once: whoever waits wakes up; what had arrived is given until somebody heard of it; nothing after."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest

from exo_core.errors import LinkClosed
from exo_core.link_life import LinkLife


class Line:
    """What waits to go out."""

    def __init__(self) -> None:
        self.is_full = False
        self.life = LinkLife(lambda: self.is_full)


@pytest.fixture
async def line() -> Line:
    return Line()


async def test_messages_come_out_in_their_order_whoever_waits_first(line: Line) -> None:
    line.life.deliver(b"one")
    assert await line.life.next() == b"one"
    waiting = asyncio.ensure_future(line.life.next())
    await asyncio.sleep(0)
    line.life.deliver(b"two")
    line.life.deliver(b"three")
    assert await waiting == b"two"
    assert await line.life.next() == b"three"


async def test_a_cancelled_receiver_loses_nothing(line: Line) -> None:
    waiting = asyncio.ensure_future(line.life.next())
    await asyncio.sleep(0)
    waiting.cancel()
    line.life.deliver(b"one")
    with pytest.raises(asyncio.CancelledError):
        await waiting
    assert await line.life.next() == b"one"


async def test_a_sender_waits_for_room(line: Line) -> None:
    await line.life.room()
    line.is_full = True
    waiting = asyncio.ensure_future(line.life.room())
    line.life.wake_sender()
    await asyncio.sleep(0)
    assert not waiting.done(), "it is still full"
    line.is_full = False
    line.life.wake_sender()
    await waiting


async def test_the_end_wakes_all_and_only_its_first_reason_counts(line: Line) -> None:
    line.is_full = True
    waiting = [asyncio.ensure_future(line.life.next()), asyncio.ensure_future(line.life.room())]
    await asyncio.sleep(0)
    assert line.life.end("the cable was pulled")
    assert not line.life.end("the machine burns")
    for task in waiting:
        with pytest.raises(LinkClosed, match="the cable was pulled"):
            await task
    assert str(line.life) == "the cable was pulled"


async def test_what_had_arrived_is_received_after_the_end(line: Line) -> None:
    line.life.deliver(b"one")
    line.life.end("over")
    assert await line.life.next() == b"one"
    with pytest.raises(LinkClosed):
        await line.life.next()


HEARINGS: dict[str, Callable[[LinkLife], object]] = {"a sender": LinkLife.check, "whoever closes it": LinkLife.bury}


@pytest.mark.parametrize("who", HEARINGS)
async def test_once_somebody_heard_of_the_end_nothing_is_received(line: Line, who: str) -> None:
    line.life.deliver(b"one")
    line.life.end("over")
    try:
        HEARINGS[who](line.life)
    except LinkClosed:
        assert who == "a sender"
    for _ in range(2):
        with pytest.raises(LinkClosed, match="over"):
            await line.life.next()
        with pytest.raises(LinkClosed, match="over"):
            line.life.check()


async def test_a_link_that_was_closed_here_says_so(line: Line) -> None:
    line.life.bury()
    for call in (line.life.next, line.life.room):
        with pytest.raises(LinkClosed, match="this side closed the link"):
            await call()
