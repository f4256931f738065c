"""Each fault does what it says to links for asyncio and for threads."""

from __future__ import annotations

import asyncio
import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest

from exo_core.errors import ConnectError, LinkClosed
from exo_core.testing.chaos.faults import Fault
from exo_core.testing.parties import parties

if TYPE_CHECKING:
    from conftest import Storm

ALICE, BOB = parties().alice.node_id, parties().bob.node_id
LONG_S = 0.5
"""What has not arrived by then is held back; a slow machine can only make a test pass too easily."""
PATIENCE_S = 30.0


def from_bob(**what: float | bool) -> Fault:
    """A fault of the direction from bob to alice."""
    return Fault.model_validate({"source": BOB, "target": ALICE, **what})


async def test_a_delay_holds_messages_back_all_at_once_and_in_order(storm: Storm) -> None:
    async with storm.linked() as (near, far):
        storm.put(from_bob(delay_s=LONG_S))
        begun = time.monotonic()
        for number in range(60):
            await near.send(bytes([number]))
        assert [bytes(await far.receive()) for _ in range(60)] == [bytes([number]) for number in range(60)]
        assert LONG_S <= time.monotonic() - begun < 60 * LONG_S, "each is late, but not after the other"


async def test_a_throttle_makes_the_sender_wait(storm: Storm) -> None:
    async with storm.linked() as (near, far):
        storm.put(from_bob(bytes_per_s=10_000.0))
        begun = time.monotonic()
        await near.send(bytes(5_000))
        assert time.monotonic() - begun >= LONG_S
        assert len(await far.receive()) == 5_000


async def test_a_lost_message_takes_the_link_with_it(storm: Storm) -> None:
    async with storm.linked() as (near, far):
        storm.put(from_bob(drop=1.0))
        await far.send(b"this way nothing is lost")
        assert await near.receive() == b"this way nothing is lost"
        with pytest.raises(LinkClosed):
            await near.send(b"lost")
        with pytest.raises(LinkClosed):
            await far.receive()


async def test_a_cut_kills_links_and_lets_none_be_made(storm: Storm) -> None:
    async with storm.linked() as (near, far):
        waiting = asyncio.ensure_future(far.receive())
        await asyncio.sleep(0)
        storm.put(from_bob(cut=True))
        with pytest.raises(LinkClosed):
            await waiting
        with pytest.raises(LinkClosed):
            await near.receive()
    with pytest.raises(ConnectError, match="cut off"):
        async with storm.linked():
            pass
    storm.put()
    async with storm.linked() as (near, far):
        await near.send(b"healed")
        assert await far.receive() == b"healed"


async def test_what_a_blackhole_swallowed_arrives_when_it_is_lifted(storm: Storm) -> None:
    async with storm.linked() as (near, far):
        storm.put(from_bob(blackhole=True))
        receiving = asyncio.ensure_future(far.receive())
        await near.send(b"held")
        await far.send(b"the other way")
        assert await near.receive() == b"the other way"
        await asyncio.wait((receiving,), timeout=LONG_S)
        assert not receiving.done()
        storm.put()
        assert await receiving == b"held"


async def test_not_even_the_end_of_a_link_comes_out_of_a_blackhole(storm: Storm) -> None:
    async with storm.linked() as (near, far):
        storm.put(from_bob(blackhole=True))
        receiving = asyncio.ensure_future(far.receive())
        await near.close()
        await asyncio.wait((receiving,), timeout=LONG_S)
        assert not receiving.done()
        storm.put()
        with pytest.raises(LinkClosed):
            await receiving


async def test_who_waits_on_a_blackhole_can_still_close_the_link(storm: Storm) -> None:
    async with storm.linked() as (near, far):
        storm.put(from_bob(blackhole=True))
        await near.close()
        receiving = asyncio.ensure_future(far.receive())
        await asyncio.sleep(0)
        await far.close()
        with pytest.raises(LinkClosed):
            await receiving


async def test_into_a_blackhole_nobody_connects(storm: Storm) -> None:
    storm.put(from_bob(blackhole=True))
    with pytest.raises(ConnectError, match="in time"):
        async with storm.linked(timeout=0.05):
            pass


async def test_a_fault_of_runners_links_leaves_nodes_alone(storm: Storm) -> None:
    storm.put(Fault(links="runner", cut=True))
    async with storm.linked() as (near, far):
        await near.send(b"a node's")
        assert await far.receive() == b"a node's"
    with pytest.raises(ConnectError):
        async with storm.linked(parties().runner):
            pass


# links for threads ---------------------------------------------------------------------------------------------------


def test_a_delay_between_threads(storm: Storm) -> None:
    with storm.blocking_linked() as (near, far):
        storm.put(from_bob(delay_s=LONG_S))
        begun = time.monotonic()
        for number in range(60):
            near.send(bytes([number]))
        assert far.receive(timeout=0.01) is None
        assert [bytes(far.receive(PATIENCE_S) or b"?") for _ in range(60)] == [bytes([number]) for number in range(60)]
        assert LONG_S <= time.monotonic() - begun < 60 * LONG_S


def test_a_throttle_between_threads(storm: Storm) -> None:
    with storm.blocking_linked() as (near, far):
        storm.put(from_bob(bytes_per_s=10_000.0))
        begun = time.monotonic()
        near.send(bytes(5_000))
        assert time.monotonic() - begun >= LONG_S
        assert len(far.receive(PATIENCE_S) or b"") == 5_000


def test_a_loss_between_threads(storm: Storm) -> None:
    with storm.blocking_linked() as (near, far):
        storm.put(from_bob(drop=1.0))
        with pytest.raises(LinkClosed):
            near.send(b"lost")
        with pytest.raises(LinkClosed):
            far.receive(PATIENCE_S)


def test_a_cut_wakes_threads_that_wait(storm: Storm) -> None:
    with storm.blocking_linked() as (_, far), ThreadPoolExecutor(1) as threads:
        waiting = threads.submit(far.receive)
        storm.put(from_bob(cut=True))
        with pytest.raises(LinkClosed):
            waiting.result(PATIENCE_S)
    with pytest.raises(ConnectError, match="cut off"), storm.blocking_linked():
        pass


def test_a_blackhole_between_threads(storm: Storm) -> None:
    with storm.blocking_linked() as (near, far), ThreadPoolExecutor(1) as threads:
        storm.put(from_bob(blackhole=True))
        near.send(b"held")
        near.close()
        assert far.receive(timeout=LONG_S) is None
        waiting = threads.submit(far.receive)
        storm.put()
        assert waiting.result(PATIENCE_S) == b"held"
        with pytest.raises(LinkClosed):
            far.receive(PATIENCE_S)
    storm.put(from_bob(blackhole=True))
    with pytest.raises(ConnectError, match="in time"), storm.blocking_linked(timeout=0.05):
        pass
