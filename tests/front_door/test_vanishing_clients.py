"""Clients that vanish in the middle of their streams leave nothing behind: no sequence, no task, no descriptor."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator, Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import httpx
import psutil
import pytest

from exo_core.testing.echo_model import EchoConfig, write_echo_model
from exo_engine.scheduler import MOST_OPEN
from exo_http.testing.inside_plugin import PATH
from exo_http.testing.open_stream import OpenStream
from exo_http.testing.stream_client import chat_body

if TYPE_CHECKING:
    from conftest import Figures, FrontDoor

LONGEST_S = 1.0
"""On a machine that does nothing else; the small version is no measurement."""
FEW, MANY = 40, 500
PATIENCE_S = 30.0
SETTLED_S = 0.3
PACE_S = 0.2
NOTHING = "0 sequences, 0 of them in slabs"


@pytest.fixture
async def client(door: FrontDoor) -> AsyncGenerator[httpx.AsyncClient]:
    """One connection, over which the node is asked what it holds."""
    async with httpx.AsyncClient(base_url=door.node.url, trust_env=False, timeout=30) as opened:
        yield opened


Held = tuple[dict[str, int], list[int]]
"""Tasks by kind, and open descriptors of the node and its runners."""


async def inside(client: httpx.AsyncClient, door: FrontDoor) -> Held:
    """What there is now."""
    node = psutil.Process(door.node.process.pid)
    tasks: dict[str, int] = (await client.get(PATH)).json()
    return tasks, [process.num_fds() for process in (node, *node.children())]


async def settled(client: httpx.AsyncClient, door: FrontDoor) -> Held:
    """What the node holds once that does not change any more."""
    held = await inside(client, door)
    while True:
        await asyncio.sleep(SETTLED_S)
        before, held = held, await inside(client, door)
        if held == before:
            return held


async def until_as_before(client: httpx.AsyncClient, door: FrontDoor, before: Held) -> float:
    """How many seconds it takes; fails when it is not so after half a minute."""
    begun = time.monotonic()
    while (held := await inside(client, door)) != before:
        assert time.monotonic() - begun < PATIENCE_S, f"the node held {before}, and holds {held}"
        await asyncio.sleep(0.02)
    return time.monotonic() - begun


async def opened(url: str, body: bytes, count: int) -> Sequence[OpenStream]:
    """So many requests on their way."""
    return await asyncio.gather(*(OpenStream.ask(url, body) for _ in range(count)))


async def all_have_tokens(streams: Iterable[OpenStream]) -> None:
    """Wait for text on each of them."""
    async with asyncio.timeout(PATIENCE_S):
        assert all(await asyncio.gather(*(stream.has_token() for stream in streams)))


def vanish(streams: Sequence[OpenStream]) -> None:
    """Half of them close as programs do, half as a machine that loses its power."""
    for stream in streams[::2]:
        stream.hang_up()
    for stream in streams[1::2]:
        stream.vanish()


async def seconds_of(door: FrontDoor, client: httpx.AsyncClient, body: bytes, clients: int) -> tuple[float, float]:
    """Have so many clients vanish: until their sequences were gone, and until node and runners were as before."""
    before = await settled(client, door)
    streams = await opened(door.node.url, body, clients)
    await all_have_tokens(streams)
    begun = time.monotonic()
    vanish(streams)
    rest_s = await until_as_before(client, door, before)
    # What the engine is told it hears in order: who asks now is answered after all who left are forgotten.
    last = await opened(door.node.url, body, 1)
    await all_have_tokens(last)
    gone_s = time.monotonic() - begun
    vanish(last)
    await until_as_before(client, door, before)
    return gone_s, rest_s


@pytest.mark.parametrize("clients", [FEW, pytest.param(MANY, marks=pytest.mark.slow)])
async def test_nothing_is_left_of_who_vanishes(
    door: FrontDoor, client: httpx.AsyncClient, figures: Figures, tmp_path: Path, clients: int
) -> None:
    """The model has as many places as there are clients: as many others find one each when all of those are gone."""
    model = write_echo_model(tmp_path / "full", EchoConfig(at_once=clients, seconds_per_token=PACE_S))
    instance = await asyncio.to_thread(door.node.place, str(model))
    body = chat_body(str(model), max_tokens=4000, ignore_eos=True)
    times = [await seconds_of(door, client, body, clients) for _ in range(2)]
    gone_s, rest_s = map(max, zip(*times, strict=True))
    figures.add(f"{clients} clients vanish: every sequence gone", f"{LONGEST_S} s", f"{gone_s:.2f} s")
    figures.add(f"{clients} clients vanish: no task, no descriptor left", f"{LONGEST_S} s", f"{rest_s:.2f} s")
    assert clients == FEW or max(gone_s, rest_s) <= LONGEST_S
    await asyncio.to_thread(door.node.exo, "remove", instance)


@pytest.mark.parametrize("clients", [FEW, pytest.param(MANY, marks=pytest.mark.slow)])
async def test_nothing_is_left_in_the_caches_of_a_model(
    door: FrontDoor, client: httpx.AsyncClient, figures: Figures, tiny: str, clients: int
) -> None:
    """The engine itself says what it holds; those for whom it has no place wait and vanish from its queue."""
    body = chat_body("tiny", max_tokens=1000, ignore_eos=True)
    first = await opened(door.node.url, body, 1)
    await all_have_tokens(first)
    vanish(first)
    await until_it_holds(door, tiny, NOTHING)
    before = await settled(client, door)
    gone_s, rest_s = 0.0, 0.0
    for _ in range(2):
        streams = await opened(door.node.url, body, clients)
        await until_it_holds(door, tiny, f"{min(clients, MOST_OPEN)} sequences, ")
        begun = time.monotonic()
        vanish(streams)
        rest_s = max(rest_s, await until_as_before(client, door, before))
        await until_it_holds(door, tiny, NOTHING)
        gone_s = max(gone_s, time.monotonic() - begun)
    figures.add(f"{clients} clients of tiny vanish: no task, no descriptor left", "", f"{rest_s:.2f} s")
    figures.add(f"{clients} clients of tiny vanish: the engine said that it holds nothing", "", f"{gone_s:.2f} s")


async def until_it_holds(door: FrontDoor, instance: str, wanted: str) -> None:
    """Wait for what the runner's engine says of its caches to begin so."""
    begun = time.monotonic()
    while not (said := await asyncio.to_thread(remark, door, instance)).startswith(wanted):
        assert time.monotonic() - begun < PATIENCE_S, f"the engine says that it holds {said}, not {wanted}"
        await asyncio.sleep(0.2)


def remark(door: FrontDoor, instance: str) -> str:
    """Beside the runner's status."""
    (runner,) = door.node.runners(instance).values()
    return str(runner["detail"])
